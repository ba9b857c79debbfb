"""Networks of timm and torchvision, by PyTorch: tables are the libraries', weights are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

from zoo.plugins import torch_names  # noqa: E402
from zoo.plugins.torch_names.table import networks  # noqa: E402

TINY = "test_resnet.r160_in1k"
SQUEEZENET = "squeezenet1_1.IMAGENET1K_V1"


@pytest.fixture(scope="module")
def child() -> Any:
    """The part of PyTorch's program that makes networks of libraries."""
    pytest.importorskip("torch")
    from zoo.plugins.torch_files.torch_child import libraries

    libraries.without_compiled_operators()
    pytest.importorskip("torchvision")
    pytest.importorskip("timm")
    return libraries


@pytest.fixture
def made(child: Any) -> Any:
    """Makes a network as the zoo asks for one; returns it with its count of outputs."""
    usual = {"weights": None, "published": False, "size": 64, "resized": False, "classes": 1000}

    def ask(kind: str, name: str, **fields: Any) -> Any:
        return child.library_module({**usual, "kind": kind, "name": name, **fields})

    return ask


@pytest.fixture
def refused(made: Any) -> Any:
    """Why a network is refused."""
    from zoo.plugins.torch_files.torch_child.refusal import RefusedError

    def ask(kind: str, name: str, **fields: Any) -> str:
        with pytest.raises(RefusedError) as caught:
            made(kind, name, **fields)
        return json.dumps(caught.value.sentences, ensure_ascii=False).replace('\\"', "'")

    return ask


def test_the_tables_are_those_of_the_libraries(child: Any) -> None:
    from zoo.plugins.torch_names import make_tables

    folder = Path(torch_names.__file__).parent
    counted = {row.architecture: row.parameters for row in networks("timm")}
    for library, rows in (
        ("timm", make_tables.timm_rows(counted.__getitem__)),
        ("torchvision", make_tables.torchvision_rows()),
    ):
        written = (folder / f"{library}.tsv").read_text(encoding="utf-8").splitlines()[1:]
        assert list(map("\t".join, rows)) == written
    for name in ("test_resnet", "mobilenetv4_conv_small", "vit_tiny_patch16_224"):
        assert make_tables.count_timm(name) == counted[name]


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("timm", TINY, "layer1.0.conv1.weight"),
        ("timm", "dla46_c.in1k", "level1.0.weight"),  # whose family takes half a file
        ("torchvision", SQUEEZENET, "features.0.weight"),
    ],
)
def test_weights_of_a_file_are_loaded_whole(
    made: Any, refused: Any, tmp_path: Path, kind: str, name: str, key: str
) -> None:
    import torch

    module, outputs = made(kind, name, classes=7)
    assert outputs == 7
    state = module.state_dict()
    torch.save(state, file := tmp_path / "mine.pth")
    again, outputs = made(kind, name, weights=str(file))
    # The classes are the file's.
    assert outputs == 7
    given = torch.rand((1, 3, 64, 64))
    with torch.inference_mode():
        assert torch.equal(module(given), again(given))
    kept = state.pop(key)
    torch.save(state, file)
    assert key in refused(kind, name, weights=str(file))
    if not name.startswith("dla"):  # whose older files have more
        torch.save({**state, key: kept, "more.weight": kept}, file)
        assert "more.weight" in refused(kind, name, weights=str(file))
    torch.save(module, file)
    assert "holds more than weights" in refused(kind, name, weights=str(file))


def test_published_weights_are_loaded_as_the_library_does(
    made: Any, refused: Any, tmp_path: Path
) -> None:
    import torch

    models = pytest.importorskip("torchvision.models")
    module = models.googlenet(weights=None, init_weights=False)
    torch.save(module.state_dict(), file := tmp_path / "googlenet.pth")
    theirs, _ = made("torchvision", "googlenet.IMAGENET1K_V1", weights=str(file), published=True)
    # It turns its input for the weights that torchvision publishes, and for no others.
    assert theirs.transform_input
    assert not made("torchvision", "googlenet.IMAGENET1K_V1", weights=str(file))[0].transform_input
    told = refused("torchvision", SQUEEZENET, weights=str(file), published=True)
    assert "are not the weights of torchvision:squeezenet1_1" in told
    assert "features.0.weight" in told


def test_what_is_no_classifier_or_takes_no_such_size_is_refused(child: Any, refused: Any) -> None:
    from zoo.plugins.torch_files.torch_child.refusal import RefusedError

    request = {"kind": "timm", "name": "a", "weights": None, "size": 64, "resized": False}
    for outputs, why in (
        (lambda given: (given, given), "several outputs"),
        (lambda given: given, "(2, 3, 64, 64)"),
    ):
        with pytest.raises(RefusedError, match="is no image classifier") as caught:
            child._outputs(outputs, request)
        assert why in caught.value.sentences["why"]
    told = refused("torchvision", "vit_b_16.IMAGENET1K_V1", size=100, resized=True)
    assert "cannot be made for images of 100×100" in told
