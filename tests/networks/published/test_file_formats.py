"""Reading checkpoints of others: tensors come out, and nothing else ever does."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadFile, MissingExtra, UsageError
from zoo.networks.published.file_formats import read_checkpoint_file


def test_a_suffix_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a weights file") as caught:
        read_checkpoint_file(tmp_path / "a.zip")
    assert ".safetensors" in (caught.value.fix or "")


def test_without_pytorch_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra) as caught:
        read_checkpoint_file(tmp_path / "a.pth")
    assert caught.value.fix == 'pip install "edgezoo[torch]"'


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.torch
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_tensors_come_out(torch: Any, tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    values = {
        f"{prefix}a.weight": torch.ones(2, 3, dtype=torch.bfloat16),
        f"{prefix}a.num_batches_tracked": torch.tensor(7),
    }
    path = tmp_path / "a.pth"
    torch.save({wrapper: values, "epoch": 3} if wrapper else values, path)
    found = read_checkpoint_file(path)
    assert set(found) == {"a.weight", "a.num_batches_tracked"}
    assert found["a.weight"].dtype == np.float32
    assert found["a.weight"].tolist() == [[1.0] * 3] * 2


class Touch:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_a_pickle_that_asks_for_more_than_tensors_is_refused(
    torch: Any, tmp_path: Path, kind: str
) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    content = {"a.weight": torch.ones(2), "b": Touch(trace)}
    if kind == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(Touch(trace)))
    with pytest.raises(BadFile, match="is refused: it holds more than tensors") as caught:
        read_checkpoint_file(path)
    assert not trace.exists()
    assert "safetensors" in (caught.value.fix or "")
    # The file would have worked on a reader that is not careful.
    torch.load(path, weights_only=False) if kind == "torch" else pickle.loads(path.read_bytes())
    assert trace.exists()


class Command:
    def __reduce__(self) -> Any:
        return (os.system, ("true",))


@pytest.mark.torch
def test_a_command_is_refused_by_its_name(torch: Any, tmp_path: Path) -> None:
    torch.save({"a.weight": Command()}, tmp_path / "evil.pth")
    with pytest.raises(BadFile, match="is refused") as caught:
        read_checkpoint_file(tmp_path / "evil.pth")
    assert "posix.system" in (caught.value.why or "")
    assert "weights_only" not in str(caught.value), "no advice to switch the protection off"


@pytest.mark.torch
def test_a_truncated_checkpoint(torch: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a.weight": torch.ones(100, 100)}, path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(BadFile, match="truncated, or no PyTorch checkpoint"):
            read_checkpoint_file(path)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([1, 2], "holds no state_dict"),
        ({}, "holds no state_dict"),
        ({"a": 1, "b": "text"}, "holds more than tensors"),
    ],
)
def test_other_contents(torch: Any, tmp_path: Path, content: Any, problem: str) -> None:
    path = tmp_path / "a.pth"
    torch.save(content, path)
    with pytest.raises(BadFile, match=problem):
        read_checkpoint_file(path)
