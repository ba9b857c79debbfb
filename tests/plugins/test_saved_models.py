"""SavedModels are read as data before TensorFlow loads them, and answer as they did."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_folders import changed

from zoo.common.errors import BadFile, UnknownName, Unsupported, ZooError

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")

from zoo.plugins.tflite_files import (  # noqa: E402
    is_saved_model,
    local_folder,
    open_folder,
    title,
)

Function = Callable[[Any], Any]


class Network(tf.Module):
    """A dense layer, and what a function makes of its result."""

    def __init__(self, ends: Function, shape: tuple[int | None, ...]) -> None:
        super().__init__()
        self.kernel = tf.Variable(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
        self.ends = ends
        self.call = tf.function(
            lambda x: self.ends(x @ self.kernel), input_signature=[tf.TensorSpec(shape)]
        )


def saved(folder: Path, ends: Function, shape: tuple[int | None, ...] = (None, 4)) -> Path:
    """A SavedModel of `Network`."""
    network = Network(ends, shape)
    tf.saved_model.save(network, str(folder), signatures=network.call.get_concrete_function())
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("saved") / "net", tf.nn.softmax)


def test_a_saved_model_answers_as_it_did(plain: Path) -> None:
    assert is_saved_model(str(plain))
    assert local_folder(str(plain / "saved_model.pb")) == plain
    assert not is_saved_model(str(plain.parent))
    assert not is_saved_model("n" * 5000)
    network = open_folder(f"{plain}/")
    assert [(one.dtype, one.shape) for one in network.inputs] == [("float32", (None, 4))]
    batch = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    theirs = network.answers(batch)
    kernel = np.linspace(-1, 1, 12).reshape(4, 3)
    np.testing.assert_allclose(theirs, tf.nn.softmax(batch @ kernel), atol=1e-6)
    np.testing.assert_allclose(network.model(batch), theirs, atol=1e-6)


def test_a_fixed_batch_is_answered_one_by_one(tmp_path: Path) -> None:
    network = open_folder(str(saved(tmp_path / "one", tf.nn.relu, (1, 4))))
    batch = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(network.model(batch), network.answers(batch), atol=1e-6)


def _read(x: Any) -> Any:
    return x + tf.strings.to_number(tf.io.read_file("/etc/hostname"))


def _write(x: Any) -> Any:
    with tf.control_dependencies([tf.io.write_file("/tmp/never", "")]):
        return tf.identity(x)


def _python(x: Any) -> Any:
    return tf.numpy_function(lambda values: values, [x], tf.float32)


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        (_read, r"its operator ReadFile \(ReadFile\) of its signature .* is refused"),
        (_write, r"its operator WriteFile .* is refused.*it may reach out of the network"),
        (_python, "its operator (Eager)?PyFunc .* is refused"),
        (lambda x: x + tf.random.normal((3,)), "RandomStandardNormal .*differ each time"),
        (lambda x: tf.cond(x[0, 0] > 0, lambda: _read(x), lambda: x), "operator ReadFile"),
        (lambda x: tf.math.bessel_i0(x), "its operator BesselI0 cannot be brought in"),
    ],
    ids=["read", "write", "python", "random", "branch", "bessel"],
)
def test_operators_that_reach_out_are_refused(tmp_path: Path, ends: Function, problem: str) -> None:
    folder = saved(tmp_path / "net", ends)
    with pytest.raises(Unsupported, match="(?s)" + problem):
        _ = open_folder(str(folder)).model


def _saver(graph: Any) -> str:
    """Name of the function that writes checkpoints."""
    name = graph.saver_def.save_tensor_name.split(":")[0]
    return str(next(one for one in graph.graph_def.node if one.name == name).attr["f"].func.name)


def _saver_called(model: Any) -> None:
    """The function that writes checkpoints becomes a part of the network."""
    graph = model.meta_graphs[0]
    graph.object_graph_def.concrete_functions[_saver(graph)].SetInParent()


def _saver_named(model: Any) -> None:
    graph = model.meta_graphs[0]
    graph.object_graph_def.nodes.add().function.concrete_functions.append(_saver(graph))


def _saver_as_signature(model: Any) -> None:
    graph = model.meta_graphs[0]
    part = graph.object_graph_def.nodes.add().bare_concrete_function
    part.concrete_function_name = _saver(graph)


def _with_operator(kind: str) -> Callable[[Any], object]:
    return lambda model: setattr(model.meta_graphs[0].graph_def.node.add(), "op", kind)


def _saver_of_its_own(model: Any) -> None:
    nodes = model.meta_graphs[0].object_graph_def.nodes
    nodes[0].saveable_objects["w"].restore_function = 1


def _free(model: Any) -> None:
    model.meta_graphs[0].signature_def.clear()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_saver_called, "what saves and restores it is a part of the network"),
        (_saver_named, "what saves and restores it is a part of the network"),
        (_saver_as_signature, "what saves and restores it is a part of the network"),
        (_saver_of_its_own, "restores a part of itself by functions of its own"),
        (
            lambda model: model.meta_graphs[0].object_graph_def.nodes.add().resource.SetInParent(),
            "holds a table of words",
        ),
        (
            lambda model: model.meta_graphs[0].object_graph_def.nodes.add().asset.SetInParent(),
            "holds a file beside the network",
        ),
        # As if by TensorFlow 1, whose networks hand no variables to functions.
        (
            lambda model: model.meta_graphs[0].ClearField("object_graph_def"),
            "its operator ReadVariableOp .* is refused.*handed to a function",
        ),
        (_free, "has no signature 'serving_default'.*it has none"),
        (lambda model: model.meta_graphs.add(), "describes 2 graphs"),
        (_with_operator("Mine"), "its operator Mine .* is unknown to TensorFlow"),
        # TensorFlow counts these as free of state: they map a file, write one, and call Python.
        (_with_operator("ImmutableConst"), "its operator ImmutableConst .* is refused.*to files"),
        (_with_operator("DebugIdentity"), "its operator DebugIdentity .* is refused.*to files"),
        (_with_operator("PyFuncStateless"), "its operator PyFuncStateless .* is refused"),
    ],
)
def test_what_would_run_while_it_is_loaded_is_refused(
    plain: Path, tmp_path: Path, change: Callable[[Any], object], problem: str
) -> None:
    folder = changed(plain, tmp_path / "net", change)
    with pytest.raises(ZooError, match="(?s)" + problem):
        open_folder(str(folder))


def test_free_sizes_are_fixed_where_they_are_said(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net", lambda x: tf.reduce_mean(x, 1), (None, None, 4))
    network = open_folder(str(folder))
    with pytest.raises(Unsupported, match="their size is free"):
        _ = network.model
    fixed = network.with_shape((5, 4))
    batch = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    np.testing.assert_allclose(fixed.model(batch), network.answers(batch), atol=1e-6)

    def ends(x: Any) -> Any:
        return tf.reshape(x, (-1, 15)) @ tf.ones((15, 2))

    of_five = open_folder(str(saved(tmp_path / "five", ends, (None, None, 4))))
    with pytest.raises(Unsupported, match=r"takes no inputs of the shape \(1, 7, 4\)"):
        _ = of_five.with_shape((7, 4)).model


@pytest.mark.slow
def test_lstm_layers_are_found_in_their_loops(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, keras.layers.Bidirectional(keras.layers.LSTM(4))(inputs))
    model.export(tmp_path / "net", verbose=False)
    network = open_folder(str(tmp_path / "net"))
    batch = np.random.default_rng(0).normal(size=(3, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(network.model(batch), model(batch), atol=1e-6)
    found = [type(layer).__name__ for layer in network.model.layers]
    assert found.count("LSTM") == 2
    assert network.model.count_params() < model.count_params() * 1.2
    other = keras.Model(inputs, keras.layers.GRU(4, name="gru_of_mine")(inputs))
    other.export(tmp_path / "gru", verbose=False)
    with pytest.raises(Unsupported, match=r"(?s)operator While \(.*gru_of_mine.*no LSTM layer"):
        _ = open_folder(str(tmp_path / "gru")).model


def test_a_signature_is_asked_for_by_name(tmp_path: Path) -> None:
    network = Network(tf.nn.softmax, (None, 4))
    twice = tf.function(lambda x: network.call(x) * 2, input_signature=[tf.TensorSpec((2, 4))])
    signatures = {"classify": network.call, "twice": twice}
    tf.saved_model.save(network, str(tmp_path / "net"), signatures=signatures)
    folder = str(tmp_path / "net")
    with pytest.raises(Unsupported, match=r"(?s)it has classify, twice.*net\?signature=classify"):
        open_folder(folder)
    with pytest.raises(UnknownName, match="unknown signature of net 'twise'"):
        open_folder(f"{folder}?signature=twise")
    assert is_saved_model(f"{folder}?signature=twice")
    assert local_folder(f"{folder}/?signature=twice") == tmp_path / "net"
    assert [title(folder), title(f"{folder}?signature=twice")] == ["net", "net-twice"]
    asked = open_folder(f"{folder}?signature=classify")
    batch = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    other = open_folder(f"{folder}?signature=twice").answers(batch)
    np.testing.assert_allclose(asked.model(batch) * 2, other, atol=1e-6)


def test_a_network_of_16_bits_is_compared_as_one(tmp_path: Path) -> None:
    """Its answers have eleven bits: in float32 they would be refused as wrong."""

    def call(x: Any) -> Any:
        return tf.cast(tf.cast(x, tf.float32) @ tf.ones((4, 3)), tf.float16)

    module = tf.Module()
    module.call = tf.function(call, input_signature=[tf.TensorSpec((None, 4), tf.float16)])
    tf.saved_model.save(module, str(tmp_path / "net"), signatures=module.call)
    assert open_folder(str(tmp_path / "net")).in_half
    assert not open_folder(str(saved(tmp_path / "single", tf.nn.relu))).in_half


class Several(tf.Module):  # type: ignore[misc]
    """A signature of numbers beside others, each of which holds an operator of another kind."""

    def __init__(self, *others: str) -> None:
        super().__init__()
        self.kernel = tf.Variable(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
        kinds: dict[str, Function] = {
            "numbers": lambda x: x @ self.kernel,
            "text": lambda x: tf.io.decode_raw(x, tf.float32) @ self.kernel,
            "random": lambda x: tf.nn.dropout(x, 0.5) @ self.kernel,
            "file": _read,
        }
        self.functions = {
            name: tf.function(
                kinds[name],
                input_signature=[
                    tf.TensorSpec((None,), tf.string)
                    if name == "text"
                    else tf.TensorSpec((None, 4))
                ],
            )
            for name in ("numbers", *others)
        }


def test_a_signature_of_numbers_comes_in_beside_others(tmp_path: Path) -> None:
    """Only what the chosen one reaches is called; but nothing in the folder may reach out."""
    several = Several("text", "random")
    folder = str(tmp_path / "net")
    tf.saved_model.save(several, folder, signatures=several.functions)
    network = open_folder(f"{folder}?signature=numbers")
    batch = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    np.testing.assert_allclose(network.model(batch), batch @ several.kernel, atol=1e-6)
    for name, operator in (
        ("text", "DecodeRaw"),
        ("random", "RandomUniform"),
    ):
        with pytest.raises(
            Unsupported,
            match=rf"its operator {operator} \(.*\) of its signature '{name}' is refused",
        ):
            open_folder(f"{folder}?signature={name}")
    reading = Several("file")
    tf.saved_model.save(reading, f"{folder}2", signatures=reading.functions)
    with pytest.raises(Unsupported, match=r"ReadFile .* of its signature 'file' is") as caught:
        open_folder(f"{folder}2?signature=numbers")
    assert "the wanted signature alone" in str(caught.value.fix)


def test_another_function_under_the_name_of_a_signature_is_checked(tmp_path: Path) -> None:
    """What is called is what TensorFlow loads, whatever the list of signatures says."""
    several = Several("text")
    tf.saved_model.save(several, str(tmp_path / "net"), signatures=several.functions)

    def exchange(model: Any) -> None:
        nodes = model.meta_graphs[0].object_graph_def.nodes
        place = next(c.node_id for c in nodes[0].children if c.local_name == "signatures")
        one, other = nodes[place].children
        one.node_id, other.node_id = other.node_id, one.node_id

    folder = changed(tmp_path / "net", tmp_path / "other", exchange)
    with pytest.raises(Unsupported, match="its operator DecodeRaw"):
        open_folder(f"{folder}?signature=numbers")


def _cut(folder: Path) -> None:
    file = folder / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-300])


def _no_weights(folder: Path) -> None:
    shutil.rmtree(folder / "variables")


@pytest.mark.parametrize("spoil", [_cut, _no_weights])
def test_damaged_folders_are_refused(
    plain: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "net"
    shutil.copytree(plain, folder)
    spoil(folder)
    with pytest.raises(BadFile, match=r"truncated or damaged|cannot be opened by TensorFlow"):
        open_folder(str(folder))
