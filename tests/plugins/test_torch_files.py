"""Networks of PyTorch as far as they can be judged without it."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadFile, ProcessFailed, UnknownName, UsageError, ZooError
from zoo.plugins.torch_files import beside, lacks
from zoo.plugins.torch_files.opening import open_network
from zoo.plugins.torch_files.process import TorchProcess
from zoo.plugins.torch_files.references import imported_files, is_reference, parse, title
from zoo.plugins.torch_files.torch_child.archive_check import check_records
from zoo.plugins.torch_files.torch_child.refusal import RefusedError


class TestReferences:
    def test_what_is_one(self, tmp_path: Path) -> None:
        found = parse("a dir/net.py:build?weights=w%261.pth&shape=3x32x24")
        assert (found.file, found.function) == (Path("a dir/net.py"), "build")
        assert (found.weights, found.shape) == (Path("w&1.pth"), (3, 32, 24))
        assert title("a/net.py:build?weights=w.pth") == "net.py:build"
        assert title("a/net.PT2") == "net.PT2"
        assert all(map(is_reference, ("a.pt2", "a.pth", "a.pt", "a.py:b", "C:/a.py:b?shape=1")))
        assert not any(map(is_reference, ("a.pyc", "a.onnx", "lenet5", "a.py:1b", "timm:x.py")))

    @pytest.mark.parametrize(
        ("reference", "words"),
        [
            ("net.py:b?size=3", "unknown option of net.py:b 'size'"),
            ("net.py:b?weights=", "weights has no value"),
            ("net.py:b?shape=1&shape=2", "shape is given twice"),
            ("net.py:b?shape=3x0x2", "'3x0x2' is no shape"),
            ("net.py:b?weights=w.h5", "w.h5 is no file of PyTorch's weights"),
        ],
    )
    def test_what_is_none(self, reference: str, words: str) -> None:
        with pytest.raises((UsageError, UnknownName), match=words):
            parse(reference)

    def test_a_python_file_alone_names_its_functions(self, tmp_path: Path) -> None:
        file = tmp_path / "net.py"
        file.write_text("import torch\nclass Net: ...\ndef build(): ...\ndef _own(): ...\nraise 1")
        with pytest.raises(UsageError, match=r"it has Net, build\n.* module: .*net.py:Net"):
            open_network(str(file))

    def test_files_that_it_imports_count_for_its_identity(self, tmp_path: Path) -> None:
        for name, text in {
            "net.py": "import torch, blocks.deep\nfrom parts import Head\nimport gone\n",
            "parts.py": "from blocks import Block\nimport net\n",
            "blocks/__init__.py": "from .deep import Deep\nfrom . import wide\n",
            "blocks/deep.py": "syntax error here",
            "blocks/wide.py": "",
            "other.py": "",
        }.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        found = {str(f.relative_to(tmp_path)) for f in imported_files(tmp_path / "net.py")}
        assert found == {"parts.py", "blocks/__init__.py", "blocks/deep.py", "blocks/wide.py"}
        weights = tmp_path / "w.pth"
        assert beside(f"{tmp_path}/net.py:build?weights={weights}")[-1] == weights
        assert beside(f"{tmp_path}/net.pt2") == []


def program() -> dict[str, Any]:
    """The JSON of a program of one layer, as torch.export writes it."""
    tree = json.dumps([1, {"type": "builtins.tuple", "context": "null", "children_spec": []}])
    node = {
        "target": "torch.ops.aten.relu.default",
        "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "x"}}, "kind": 1}],
        "outputs": [{"as_tensor": {"name": "relu"}}],
        "metadata": {"nn_module_stack": "L__self__,,Net;L__self__c,c,Act", "stack_trace": "a();"},
        "name": "relu",
    }
    symbol = "Symbol('s77', positive=True, integer=True)"
    size = {"expr_str": f"Max(Integer(1), Add(2*{symbol}, Integer(-2))) + FloorDiv(s0, 2)"}
    graph = {
        "inputs": [{"as_tensor": {"name": "x"}}],
        "outputs": [{"as_tensor": {"name": "relu"}}],
        "nodes": [node],
        "tensor_values": {"x": {"sizes": [{"as_expr": size}, {"as_int": 3}]}},
    }
    call = {"fqn": "", "signature": {"in_spec": tree, "out_spec": tree}}
    return {
        "graph_module": {"graph": graph, "module_call_graph": [call]},
        "guards_code": ["anything"],
        "torch_version": "2.13.0+cpu",
    }


def records(model: Any = None, **config: Any) -> dict[str, bytes]:
    entry = {"path_name": "weight_0", "use_pickle": False, **config}
    return {
        "models/model.json": json.dumps(program() if model is None else model).encode(),
        "data/weights/model_weights_config.json": json.dumps({"config": {"w": entry}}).encode(),
        "data/weights/weight_0": b"1234",
        "data/sample_inputs/model.pt": b"",
        "archive_format": b"pt2",
        ".data/version": b"3",
    }


def check(found: dict[str, bytes]) -> None:
    check_records(found, found.__getitem__, "net.pt2")


def altered(path: str, value: Any) -> dict[str, bytes]:
    """The records with another value at a place of the program."""
    model = program()
    place: Any = model
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    for step in steps:
        place = place[step]
    place[last] = value
    return records(model)


class TestArchives:
    def test_a_plain_one_passes(self) -> None:
        check(records())

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("data/constants/custom_obj_0", "custom_obj_0 is a pickled part"),
            ("data/constants/opaque_obj_0", "opaque_obj_0 is a pickled part"),
            ("data/weights/model.pt", "data/weights/model.pt is a pickled part"),
            ("data/aotinductor/model/a.so", "compiled code, which would run here"),
            ("data/executorch/model.pte", "model.pte is a pickled part, or none"),
        ],
    )
    def test_other_parts_are_refused(self, name: str, words: str) -> None:
        with pytest.raises(RefusedError) as caught:
            check({**records(), name: b""})
        assert words in caught.value.sentences["why"]

    @pytest.mark.parametrize(
        "config",
        [{"use_pickle": True}, {"use_pickle": 1}, {"path_name": "custom_obj_0"}],
    )
    def test_pickled_weights_are_refused(self, config: dict[str, Any]) -> None:
        with pytest.raises(RefusedError) as caught:
            check(records(**config))
        assert "w is a pickled object" in caught.value.sentences["why"]

    @pytest.mark.parametrize(
        ("path", "value", "words"),
        [
            (
                "graph_module/graph/tensor_values/x/sizes/0/as_expr/expr_str",
                "__import__('os').system('id')",
                "a size is computed by",
            ),
            (
                "graph_module/graph/tensor_values/x/sizes/0/as_expr/expr_str",
                "Symbol('s0').func.mro",
                "a size is computed by",
            ),
            (
                "graph_module/graph/inputs/0/as_tensor/name",
                "x):\n  import os\n  def f(y",
                "is no name",
            ),
            ("graph_module/graph/nodes/0/name", "a.b", "is no name"),
            ("graph_module/graph/nodes/0/inputs/0/arg", {"as_string": "'+id()+'"}, "is no name"),
            ("graph_module/module_call_graph/0/fqn", "a')\nid()#", "is no name"),
            (
                "graph_module/module_call_graph/0/signature/in_spec",
                '[1, {"type": "collections.defaultdict", "context": {}, "children_spec": []}]',
                "inputs or outputs are a collections.defaultdict",
            ),
            (
                "graph_module/module_call_graph/0/signature/out_spec",
                '[1, {"type": "builtins.dict", "context": "{\\"__enum__\\": true, \\"fqn\\": '
                '\\"os:a\\"}", "children_spec": []}]',
                "inputs or outputs are a builtins.dict",
            ),
            ("graph_module/graph/tensor_values", {"x'+y": {}}, "is none"),
            ("graph_module", [], "is no exported program"),
        ],
    )  # fmt: skip
    def test_what_would_be_run_is_refused(self, path: str, value: Any, words: str) -> None:
        with pytest.raises(RefusedError) as caught:
            check(altered(path, value))
        assert words in caught.value.sentences["why"]

    @pytest.mark.parametrize(
        "target", ["torch.ops.mine.spin.default", "torch.load", "_operator.methodcaller", "#call"]
    )
    def test_operators_of_somebodys_own_are_named(self, target: str) -> None:
        with pytest.raises(RefusedError, match=rf"operator {target} of 'c' cannot be brought in"):
            check(altered("graph_module/graph/nodes/0/target", target))

    def test_other_archives_and_damage(self) -> None:
        for names, words in (
            (["data.pkl", "code/net.py"], "it is a TorchScript archive"),
            (["data.pkl", "data/0"], "torch.save wrote it"),
            (["version"], "one, as models/model.json"),
            ([*records(), "models/other.json"], "one, as models/model.json"),
        ):
            with pytest.raises(RefusedError) as caught:
                check_records(names, lambda name: b"", "net.pt2")
            assert words in caught.value.sentences["why"]
        with pytest.raises(RefusedError, match=r"net\.pt2 is damaged"):
            check({**records(), "models/model.json": b"{"})


class Foreign:
    """A class that no checkpoint of weights holds."""


class TestCheckpoints:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_a_pickled_module_and_weights_alone(self, tmp_path: Path, zipped: bool) -> None:
        def written(name: str, value: Any) -> Path:
            path = tmp_path / name
            if zipped:
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("net/data.pkl", pickle.dumps(value, protocol=2))
            else:
                path.write_bytes(pickle.dumps(1, protocol=2) + pickle.dumps(value, protocol=4))
            return path

        with pytest.raises(BadFile) as caught:
            open_network(str(written("whole.pth", {"a": Foreign()})))
        assert "whole pickled module" in str(caught.value.why)
        assert "Foreign" in str(caught.value.why)
        assert "torch.export.save(program, 'net.pt2')" in str(caught.value.fix)
        weights = written("my weights.pt", OrderedDict(a=1))
        with pytest.raises(BadFile) as caught:
            open_network(str(weights))
        assert caught.value.why == "it holds weights alone"
        for told in (f"zoo ship 'net.py:build?weights={weights}' --data", f"--from '{weights}'"):
            assert told in str(caught.value.fix)

    def test_others(self, tmp_path: Path) -> None:
        for name, inside, words in (
            ("script.pt", "net/code/a.py", "TorchScript"),
            ("net.pt", "net/models/model.json", "archive of torch.export"),
            ("some.pth", "a.txt", "no file of PyTorch"),
        ):
            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                archive.writestr(inside, "")
            with pytest.raises(BadFile) as caught:
                open_network(str(tmp_path / name))
            assert words in str(caught.value.why)
        (tmp_path / "text.pth").write_text("hello")
        (tmp_path / "net.pt2").write_bytes(b"PK\x03\x04 cut off")
        (tmp_path / "text.pt2").write_text("hello")
        for name, words in (
            ("text.pth", "no network"), ("net.pt2", "truncated"), ("text.pt2", "no archive"),
        ):  # fmt: skip
            with pytest.raises(BadFile, match=words):
                open_network(str(tmp_path / name))
        with pytest.raises(UsageError, match="there is no"):
            open_network(str(tmp_path / "gone.pt2"))


FAKE = """
import json, os, sys, time, numpy as np
folder = sys.argv[1]
for line in sys.stdin:
    request = json.loads(line)
    command = request["command"]
    if command == "answer":
        with np.load(f"{folder}/{request['inputs']}") as file:
            np.savez(f"{folder}/{request['outputs']}", *[2 * file[name] for name in file.files])
    if command == "die":
        print("first\\nlast words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), request["signal"])
    if command == "hang":
        time.sleep(60)
    if command == "garble":
        print("not json", flush=True)
        sys.exit(3)
    answer = {"ok": True} if "kind" not in request else {"ok": False, **request}
    print(json.dumps(answer), flush=True)
"""


class TestProcess:
    @staticmethod
    def started(patience: float = 30.0) -> TorchProcess:
        command = [sys.executable, "-c", FAKE]
        process = TorchProcess("net.pt2", command=command, patience=patience)
        return process

    def test_arrays_and_refusals(self) -> None:
        process = self.started()
        given = np.arange(6, dtype=np.float32).reshape(2, 3)
        (found,) = process.answers(given)
        np.testing.assert_array_equal(found, 2 * given)
        assert list(process.folder.iterdir()) == []
        for kind, error, words in (
            ("BadFile", BadFile, "w"),
            ("UsageError", UsageError, "w"),
            ("Exception", ZooError, "net.pt2 could not be opened by PyTorch"),
            ("MemoryError", ProcessFailed, "PyTorch ran out of memory while net.pt2 was opened"),
        ):
            with pytest.raises(error, match=words) as caught:
                process.ask("open", "opened", kind=kind, what="w", why="y\x1b[2J", fix="f")
            assert "\x1b" not in str(caught.value)
        process.close()
        assert not process.folder.exists()
        with pytest.raises(ProcessFailed, match="has ended"):
            process.ask("open", "opened")

    @pytest.mark.parametrize(("signal", "words"), [(9, "SIGKILL"), (11, "SIGSEGV")])
    def test_it_is_killed(self, signal: int, words: str) -> None:
        process = self.started()
        with pytest.raises(ProcessFailed, match=r"ended while net\.pt2 was run") as caught:
            process.ask("die", "run", signal=signal)
        assert words in str(caught.value.why)
        assert "first | last words" in str(caught.value.why)
        assert ("memory" in str(caught.value.fix)) == (signal == 9)
        assert not process.folder.exists()

    def test_it_hangs_or_answers_nonsense(self) -> None:
        with pytest.raises(ProcessFailed, match="exported by PyTorch within"):
            self.started(0.5).ask("hang", "exported")
        with pytest.raises(ProcessFailed) as caught:
            self.started().ask("garble", "exported")
        assert "exit code 3" in str(caught.value.why)


def test_without_an_environment_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.plugins.torch_files import environment

    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(environment, "installed", lambda name: False)
    (tmp_path / "net.py").write_text("def build(): ...")
    assert lacks() == ("the environment of PyTorch",)
    with pytest.raises(UsageError) as caught:
        open_network(f"{tmp_path}/net.py:build")
    assert (caught.value.fix, "was not made" in str(caught.value.why)) == (
        "zoo sources setup torch",
        True,
    )
    environment.ENVIRONMENT.folder.mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        open_network(f"{tmp_path}/net.py:build")
    assert "is incomplete" in str(caught.value.why)
    # The zoo's own Python serves where PyTorch is beside it, unless it is too old.
    monkeypatch.setattr(environment, "installed", lambda name: True)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.8.1")
    assert environment.python_here() is None
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.13.0+cpu")
    assert lacks() == ()
