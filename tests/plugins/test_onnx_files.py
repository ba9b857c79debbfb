"""ONNX files are read as data before ONNX Runtime opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from keras_makers import opened
from onnx_makers import i, model_of, nearest_mean, node, onnx, saved, values
from safetensors.numpy import load_file

from zoo.common.errors import BadFile, Unsupported, UsageError, ZooError
from zoo.networks.card import read_card
from zoo.networks.sources import files
from zoo.networks.sources.describing import describe
from zoo.networks.sources.identity import identity_of
from zoo.plugins.onnx_files import recognises
from zoo.plugins.onnx_files.conversion import CONVERTERS
from zoo.plugins.onnx_files.opening import OnnxNetwork, open_onnx
from zoo.registry import PluginSettings, load_registry


def test_a_file_is_opened_channels_last(tmp_path: Path) -> None:
    found = open_onnx(saved(tmp_path / "net.onnx", nearest_mean()))
    assert [(t.name, t.dtype, t.shape) for t in found.inputs] == [("x", "float32", (None, 8, 8, 1))]
    assert [t.name for t in found.outputs] == ["softmax"]
    assert recognises("A.ONNX")
    assert not recognises("net.keras")


def _external(folder: Path, location: str, *, length: int = 0) -> Path:
    """A model whose weights lie in another file."""
    model = nearest_mean()
    kernel = model.graph.initializer[0]
    data = kernel.raw_data
    kernel.ClearField("raw_data")
    kernel.data_location = onnx.TensorProto.EXTERNAL
    told = {"location": location, "offset": "0", "length": str(length or len(data))}
    for key, value in told.items():
        kernel.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(data)
    return saved(folder / "net.onnx", model)


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    path = _external(tmp_path, "weights.bin")
    given = values(5, 8, 8, 1)
    whole = open_onnx(saved(tmp_path / "whole.onnx", nearest_mean()))
    np.testing.assert_array_equal(open_onnx(path).answers(given), whole.answers(given))
    source = load_registry().sources.get("onnx")
    (beside,) = source.files_beside(str(path))
    assert beside == tmp_path / "weights.bin"
    assert source.files_beside(str(tmp_path / "whole.onnx")) == []
    # Other weights of the same graph are another network.
    before = identity_of(path, [beside])
    beside.write_bytes(beside.read_bytes()[::-1])
    assert identity_of(path, [beside]) != before


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "link", "C:\\x", "a/../b"])
def test_weights_elsewhere_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "inner").mkdir()
    path = _external(tmp_path / "inner", location)
    (tmp_path / "inner" / "link").symlink_to(tmp_path / "inner" / "weights.bin")
    with pytest.raises(BadFile, match="is refused: its weights lie in"):
        open_onnx(path)


def test_weights_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    path = _external(tmp_path, "weights.bin", length=10_000)
    with pytest.raises(BadFile, match="the weights kernel are not whole"):
        open_onnx(path)
    path = _external(tmp_path, "gone.bin")
    with pytest.raises(BadFile, match=r"there is no gone\.bin beside it"):
        open_onnx(path)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda whole: whole[: len(whole) // 2], "truncated or damaged"),
        (lambda whole: b"", "it is empty"),
        (lambda whole: b"no network", "does not begin as one"),
        (lambda whole: b"\x89HDF\r\n\x1a\n" + whole, "begins as an HDF5 file"),
        (lambda whole: b"\x1c\0\0\0TFL3" + whole, "begins as a TFLite file"),
        (lambda whole: b"PK\x03\x04" + whole, "begins as a zip archive"),
        (lambda whole: whole[:2], "it holds no graph"),
    ],
)
def test_a_bad_file_is_refused(
    tmp_path: Path, spoil: Callable[[bytes], bytes], problem: str
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(spoil(nearest_mean().SerializeToString()))
    with pytest.raises(BadFile) as caught:
        open_onnx(path)
    assert problem in str(caught.value)


def test_what_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        open_onnx(tmp_path / "none.onnx")
    path = _external(tmp_path, "weights.bin")
    whole = path.stat().st_size + (tmp_path / "weights.bin").stat().st_size
    for most in (path.stat().st_size - 1, whole - 1):  # the file, its weights
        monkeypatch.setattr(files, "MOST_BYTES", most)
        with pytest.raises(BadFile, match="is larger than"):
            open_onnx(path)
    monkeypatch.setattr(files, "MOST_BYTES", whole + 1000)
    open_onnx(path)
    model = onnx.load(path, load_external_data=False)
    (again,) = (one for one in model.graph.initializer if one.external_data)
    model.graph.initializer.add().CopyFrom(again)
    model.graph.initializer[-1].name = "again"
    with pytest.raises(BadFile, match="is larger than"):  # the same part of its file twice
        open_onnx(saved(path, model))


def _quantized() -> object:
    constants = {"s": np.float32(0.1), "z": np.uint8(0)}
    nodes = [node("QuantizeLinear", "x", "s", "z"), node("DequantizeLinear", "quantizelinear", "s")]
    return model_of(nodes, (1, 4), constants)


def _branching() -> object:
    inner = onnx.helper.make_graph(
        [node("Relu", "x", out="r")], "then", [], [onnx.helper.make_tensor_value_info("r", 1, None)]
    )
    branch = onnx.helper.make_node(
        "If", ["c"], ["y"], name="choice", then_branch=inner, else_branch=inner
    )
    return model_of([branch], (1, 4), {"c": np.asarray(True)})


@pytest.mark.parametrize(
    ("model", "problem", "fix"),
    [
        (_quantized, "is quantized already: 'quantizelinear' is a QuantizeLinear", "before it was"),
        (_branching, "has branches or loops: 'choice' is a If", "one fixed shape"),
        (
            lambda: model_of([node("Mine", "x", domain="me")], (1, 4)),
            "'mine' is a me:Mine, which ONNX does not have",
            "ONNX' own operators",
        ),
        (
            lambda: model_of([node("Relu", "x")], ()),
            "the input 'x' has no batch",
            "the shape of its input",
        ),
    ],
)
def test_what_no_network_can_be_made_of_is_refused(
    tmp_path: Path, model: Callable[[], object], problem: str, fix: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        open_onnx(saved(tmp_path / "net.onnx", model()))
    assert problem in caught.value.what
    assert fix in str(caught.value.fix)


@pytest.mark.parametrize(
    ("model", "kind", "problem"),
    [
        (
            lambda: model_of([node("Hardmax", "x", out="where")], (1, 4)),
            Unsupported,
            "the operator Hardmax of 'where' cannot be brought in",
        ),
        (
            lambda: model_of([node("Relu", "x")], (1, 3, "height", "width")),
            UsageError,
            "their size is not in it",
        ),
        (
            lambda: model_of([node("Reshape", "x", "s")], ("n", 4), {"s": i(2, 4)}),
            ZooError,
            "is of another batch than one",
        ),
        (
            lambda: model_of([node("Relu", "x")], (1, 4), opset=90),
            ZooError,
            "cannot be opened by ONNX Runtime",
        ),
        (
            lambda: model_of([node("Reshape", "x", "s")], ("n", 4), {"s": i(2, 2)}),
            Unsupported,
            "the first axis of what it gives is not the batch",
        ),
        (
            lambda: model_of([node("Identity", "c")], (1, 4), {"c": values(1, 4)}),
            Unsupported,
            "does not depend on its input",
        ),
        (
            lambda: model_of(
                [
                    node("Dropout", "x", out=["kept", "mask"]),
                    node("Cast", "mask", to=1),
                    node("Mul", "kept", "cast"),
                ],
                (1, 4),
            ),
            Unsupported,
            "more of its results are read than the first",
        ),
        (
            lambda: model_of([node("Conv", "x", "w")], (1, 4, 8, 8), {"w": values(2, 3, 3, 3)}),
            Unsupported,
            "weights for 3 channels, and its input has 4",
        ),
    ],
)
def test_what_cannot_be_brought_in_is_named(
    tmp_path: Path, model: Callable[[], object], kind: type[ZooError], problem: str
) -> None:
    opened = open_onnx(saved(tmp_path / "net.onnx", model()))
    with pytest.raises(kind) as caught:
        _ = opened.model
    assert problem in caught.value.what + str(caught.value.why)
    assert caught.value.fix


def answers_on_digits(weights: Path) -> np.ndarray:
    """The converted network's logits of raw images."""
    from zoo.data.opening import open_dataset
    from zoo.data.preprocessing.inputs import normalize, read_inputs
    from zoo.networks.loading import Subject, load_model
    from zoo.registry import PluginSettings, load_registry

    made = load_model(Subject(model=str(weights), plugins=PluginSettings()))
    split = open_dataset(load_registry(), "digits").splits["test"]
    raw = read_inputs(split, made.preprocessing, range(50))
    return np.asarray(made.network(normalize(raw, made.preprocessing), training=False))


def test_a_network_is_brought_in(tmp_path: Path) -> None:
    """Its softmax is taken off, its classes come from its metadata, in the order of the data."""
    plain = opened(saved(tmp_path / "net.onnx", nearest_mean()), tmp_path / "plain", source="onnx")
    came = read_card(plain.with_suffix(".toml")).network
    assert came is not None
    assert came.source == "onnx"
    assert came.input.startswith("measured: 0..1, grey, 9")
    logits = answers_on_digits(plain)
    assert logits.max() > 1  # no probabilities
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    turned = nearest_mean(metadata={"names": str({i: str(c) for i, c in enumerate(order)})})
    for tensor in turned.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)[..., order]
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    again = opened(saved(tmp_path / "net.onnx", turned), tmp_path / "turned", source="onnx")
    np.testing.assert_allclose(answers_on_digits(again), logits, atol=1e-5)


def test_numbers_of_16_bits_become_those_of_32(tmp_path: Path) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half = saved(tmp_path / "half.onnx", convert_float_to_float16(nearest_mean()))
    assert open_onnx(half).inputs[0].dtype == "float16"
    assert open_onnx(half).in_half
    assert not open_onnx(saved(tmp_path / "net.onnx", nearest_mean())).in_half
    made = opened(half, tmp_path / "made", source="onnx")
    assert {w.dtype for w in load_file(made).values()} == {np.dtype(np.float32)}


def test_free_sizes_are_fixed_by_what_is_stated(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.onnx", nearest_mean(size=("height", "width")))
    assert open_onnx(file).inputs[0].shape == (None, None, None, 1)
    with pytest.raises(UsageError, match="the size of its images is not in it"):
        opened(file, tmp_path / "none", source="onnx")
    opened(file, tmp_path / "made", source="onnx", input="8x8")
    size = nearest_mean(size=("height", "width"), metadata={"imgsz": "[8, 8]"})
    opened(saved(file, size), tmp_path / "again", source="onnx")
    told = describe(source="onnx", reference=str(file), plugins=PluginSettings(), emit=len)
    assert told["inputs"] == ["x float32 ?×?×?×1"]


@pytest.mark.parametrize(
    ("metadata", "classes", "stated"),
    [
        ({"names": "{0: 'a', 1: 'b'}"}, ("a", "b"), ""),
        ({"classes": '["a", "b"]'}, ("a", "b"), ""),
        ({"names": '{"1": "b", "0": "a"}'}, ("a", "b"), ""),
        ({"names": "{0: 'a', 2: 'b'}"}, (), ""),
        ({"names": "__import__('os').system('touch x')"}, (), ""),
        ({"names": "(" * 100_000}, (), ""),
        ({"names": "[1, 2]", "imgsz": "[8, 8]"}, (), ""),
        ({"Image.BitmapPixelFormat": "Bgr8"}, (), "bgr"),
        (
            {"Image.NominalPixelRange": "Normalized_1_1", "Image.BitmapPixelFormat": "Gray8"},
            (),
            "grey -1..1",
        ),
    ],
)
def test_metadata_are_read_as_data(
    metadata: dict[str, str], classes: tuple[str, ...], stated: str
) -> None:
    found = OnnxNetwork(model_of([node("Relu", "x")], (1, 3, 8, 8), metadata=metadata), "net.onnx")
    assert found.classes == classes
    assert found.stated == stated


def test_constants_among_the_inputs_are_none(tmp_path: Path) -> None:
    """As files of old operator sets name them."""
    model = model_of([node("Mul", "x", "c")], (1, 4), {"c": np.float32(2)})
    model.graph.input.append(onnx.helper.make_tensor_value_info("c", 1, ()))
    found = open_onnx(saved(tmp_path / "net.onnx", model))
    assert [tensor.name for tensor in found.inputs] == ["x"]
    given = values(3, 4)
    np.testing.assert_array_equal(np.asarray(found.model(given)), found.answers(given))


def test_several_inputs_or_outputs_are_refused(tmp_path: Path) -> None:
    model = nearest_mean()
    model.graph.output.append(onnx.helper.make_tensor_value_info("gemm", 1, None))
    file = saved(tmp_path / "net.onnx", model)
    with pytest.raises(Unsupported, match=r"net\.onnx has 2 outputs: softmax"):
        opened(file, tmp_path / "made", source="onnx")
    with pytest.raises(Unsupported, match="has 2 outputs"):
        _ = open_onnx(file).model


def test_channels_are_found_where_they_are() -> None:
    """By the convolution that reads them, behind other operators; else by their number."""
    first = [node("Relu", "x"), node("Conv", "relu", "w")]
    last = [node("Transpose", "x", perm=[0, 3, 1, 2]), node("Conv", "transpose", "w")]
    w = {"w": values(2, 3, 1, 1)}
    flat, shape = [node("Flatten", "x")], (None, 3, 3, 3)
    for nodes, given, weights, found in (
        (first, ("n", 3, 3, 3), w, shape),
        (last, ("n", 3, 3, 3), w, shape),
        (first, ("n", 3, 5, 4), w, (None, 5, 4, 3)),
        (last, ("n", 5, 4, 3), w, (None, 5, 4, 3)),
        (flat, ("n", 3, 5, 4), {}, (None, 5, 4, 3)),
        (flat, ("n", 5, 4, 3), {}, (None, 5, 4, 3)),
        (flat, ("n", 5, 4), {}, (None, 5, 4)),
        (flat, (0, 3, -1, 0), {}, (None, None, None, 3)),
    ):
        opened_network = OnnxNetwork(model_of(nodes, given, weights), "net.onnx")
        assert opened_network.inputs[0].shape == found
    # A batch that the graph holds for one alone is run one by one.
    flat = [node("Conv", "x", "w"), node("Reshape", "conv", "s")]
    one = OnnxNetwork(model_of(flat, ("n", 3, 5, 4), {**w, "s": i(1, 40)}), "net.onnx")
    given = values(2, 5, 4, 3)
    ours = np.asarray(one.model(given, training=False))
    np.testing.assert_allclose(one.answers(given), ours, atol=1e-5)


def test_gelu_is_one_function_and_shuffles_move_once() -> None:
    """In files for devices, a pattern of five operators is one, and images stay as they are."""
    nodes = [
        node("Conv", "x", "w", out="y", name="input"),
        node("Div", "y", "r"),
        node("Erf", "div"),
        node("Add", "erf", "one"),
        node("Mul", "y", "add", out="m"),
        node("Mul", "m", "half", out="e"),
        node("Reshape", "e", "apart"),
        node("Transpose", "reshape", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "transpose", "joined", out="z"),
        node("Conv", "z", "v", out="end"),
        node("Flatten", "end"),
        node("Gemm", "flatten", "k"),
    ]
    constants = {"w": values(4, 3, 1, 1), "r": np.float32(2**0.5), "one": np.float32(1)}
    constants |= {"half": np.float32(0.5), "apart": i(1, 2, 2, 5, 5), "joined": i(1, 4, 5, 5)}
    constants |= {"v": values(2, 4, 3, 3), "k": values(18, 2)}
    network = OnnxNetwork(model_of(nodes, (1, 3, 5, 5), constants), "net.onnx").model
    kinds = [type(one).__name__ for one in network.operations]
    assert kinds.count("Gelu") == 1
    assert "Erf" not in kinds
    assert kinds.count("Permute") == 1


def test_operators_are_listed() -> None:
    text = Path("docs/sources.md").read_text(encoding="utf-8")
    listed = text.split("## ONNX files")[1].split("```text\n")[1].split("```")[0].split()
    assert listed == sorted({*CONVERTERS, "Shape", "Size"})
