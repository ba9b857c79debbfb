"""Work in child processes: answers and errors come back, and a death costs that work alone."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import ROOT, fuzz, run_python
from worker_calls import alive

from zoo.common import fork_server
from zoo.common.errors import (
    BadData,
    BadFile,
    EnvironmentFailed,
    ProcessFailed,
    UsageError,
    ZooError,
)
from zoo.common.worker import Children, call, flatten
from zoo.registry import PluginSettings


def test_calls_may_be_deep():
    """Keras follows a network with one call for each layer of its depth."""
    assert call("children:deep", {"calls": 3000}) == 3000


def test_result_and_events():
    events = []
    assert call("children:add", {"a": 2, "b": 3}, on_event=events.append) == 5
    assert events == [{"event": "number", "value": 2}, {"event": "number", "value": 3}]


def test_work_is_done_elsewhere_each_time_anew():
    first, second = (call("children:process", {}) for _ in range(2))
    assert len({first["pid"], second["pid"], os.getpid()}) == 3
    assert first["parent"] == second["parent"] != os.getpid()
    assert [call("children:leave_a_mark", {}) for _ in range(2)] == [False, False]


def test_nothing_is_imported_before_the_fork_on_macos(monkeypatch):
    """Its frameworks do not survive one."""
    found: list[list[str]] = []
    context = SimpleNamespace(set_forkserver_preload=found.append)
    unstarted = SimpleNamespace(_forkserver_pid=None)
    monkeypatch.setattr(fork_server.forkserver, "_forkserver", unstarted)
    for platform in ("linux", "darwin"):
        monkeypatch.setattr(sys, "platform", platform)
        fork_server._preload(context, fork_server.LIGHT_PRELOAD)
    assert found == [[fork_server.LIGHT_PRELOAD], []]


def test_garbage_is_not_looked_for_in_what_the_fork_server_imported():
    """A converter asks for it at each file, and it takes a fifth of a second there."""
    assert call("children:collected", {}) == (True, False)


def test_children_do_not_wait_for_what_keras_imports_besides():
    """Libraries of pictures and tables take a third of the time of its import; they can be had."""
    loaded = call("children:modules", {})
    assert {"keras", "tensorflow"} <= {*loaded}
    assert not {"IPython", "matplotlib", "pandas", "sklearn"} & {*loaded}
    assert call("children:imported", {"name": "pandas"}) == "pandas"


@pytest.mark.parametrize("ends", ["well", "fails", "crashes", "is ended"])
def test_what_libraries_leave_goes_with_the_child(ends, tmp_path, monkeypatch):
    alive()  # the fork server has a folder of its own, until this process ends
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    children = Children()

    def left(event):
        assert event["folder"].startswith(f"{tmp_path}/zoo-step-")
        if ends == "is ended":
            children.stop_all()

    with contextlib.suppress(ZooError):
        call("children:leave_files", {"ends": ends}, on_event=left, children=children)
        assert ends == "well"
    assert list(tmp_path.iterdir()) == []


def test_records_travel():
    settings = PluginSettings(paths=("a.py",), without=("b",), installed=False)
    assert call("children:echo", {"value": {"plugins": settings, "x": (1, [2.5])}}) == {
        "plugins": settings,
        "x": (1, [2.5]),
    }


@pytest.mark.parametrize("kind", [ZooError, UsageError, BadData, BadFile, ProcessFailed])
def test_error_crosses_with_its_sentences(kind):
    with pytest.raises(ZooError) as caught:
        call("children:fail", {"kind": kind.__name__})
    error = caught.value
    assert type(error) is kind
    assert (error.what, error.why, error.fix) == ("it broke", "rust", "paint it")
    assert error.exit_code == kind.exit_code
    assert "raise errors[kind]" in error.__notes__[0]


@pytest.mark.parametrize(
    ("kind", "arrives", "fix"),
    [
        ("UnknownName", UsageError, "did you mean 'lenet'?"),
        ("MissingExtra", EnvironmentFailed, 'pip install "edgezoo[onnx]"'),
    ],
)
def test_error_with_arguments_of_its_own_arrives_as_the_nearest_kind(kind, arrives, fix):
    with pytest.raises(arrives) as caught:
        call("children:fail", {"kind": kind})
    assert type(caught.value) is arrives
    assert caught.value.fix == fix
    assert caught.value.exit_code == arrives.exit_code


def test_other_exceptions_become_sentences():
    with pytest.raises(ZooError, match="LookupError: no such thing") as caught:
        call("children:fail_strangely", {})
    assert "in fail_strangely" in caught.value.__notes__[0]
    with pytest.raises(ZooError, match="SystemExit: 3"):
        call("children:exit_politely", {})
    with pytest.raises(ZooError, match="ModuleNotFoundError"):
        call("a_module_that_nobody_has:add", {})
    with pytest.raises(ZooError, match="AttributeError"):
        call("children:a_function_that_nobody_has", {})
    with pytest.raises(ZooError, match="TypeError"):
        call("children:add", {"c": 1})


def test_answer_that_cannot_travel_is_an_error():
    with pytest.raises(ZooError, match=r"pickle|lambda"):
        call("children:return_what_cannot_travel", {})


HEAVY_AFTER_LIGHT = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from zoo.common import fork_server
from zoo.common.worker import Children, call
fork_server.PRELOAD = "heavy"
fork_server.installed = lambda module: True
fork_server.quiet_tensorflow = lambda: None
def imported(tensorflow):
    return "heavy" in call("children:modules", {{}}, tensorflow=tensorflow)
children, running = Children(), threading.Event()
def wait():
    try:
        call("children:wait_forever", {{}}, on_event=lambda _: running.set(), children=children,
             tensorflow=False)
    except Exception as error:
        print(error.what)
waiting = threading.Thread(target=wait, daemon=True)
waiting.start()
running.wait()
print(imported(False), imported(True))
children.stop_all()
waiting.join(60)
print(imported(False), imported(True), imported(False))
"""


def test_a_fork_server_without_tensorflow_is_replaced_when_no_child_of_it_runs(tmp_path):
    """Or else each later child that needs TensorFlow would import it by itself."""
    (tmp_path / "heavy.py").touch()
    environment = {"PYTHONPATH": str(tmp_path)}
    done = run_python("-c", HEAVY_AFTER_LIGHT, folder=tmp_path, environment=environment)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "False False",
        "wait_forever was killed by SIGTERM",
        "False True True",
    ]


def test_threads_that_call_at_once_keep_our_main_module():
    """What the pipeline does; the main module is hidden while a child starts."""
    main = sys.modules["__main__"]
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(call("children:add", {"a": n, "b": n})))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0, 2, 4, 6]
    assert sys.modules["__main__"] is main


def test_main_module_is_ours_again_after_two_hidings_that_overlap():
    from zoo.common.fork_server import starting_children

    main = sys.modules["__main__"]
    inside = {name: threading.Event() for name in "ab"}
    leave = {name: threading.Event() for name in "ab"}

    def hide(name: str) -> None:
        with starting_children():
            inside[name].set()
            leave[name].wait(60)

    threads = [threading.Thread(target=hide, args=(name,)) for name in "ab"]
    threads[0].start()
    inside["a"].wait(60)
    threads[1].start()
    inside["b"].wait(0.1)  # it must not come in; if it did, it would take a's stand-in for ours
    for name, thread in zip("ab", threads, strict=True):
        leave[name].set()
        thread.join()
    assert sys.modules["__main__"] is main


def test_child_sees_what_the_caller_sees_now(tmp_path, monkeypatch):
    """The fork server still has the folder and the variables of the time when it began."""
    monkeypatch.setenv("ZOO_OLD", "1")
    alive()
    monkeypatch.delenv("ZOO_OLD", raising=False)
    monkeypatch.setenv("ZOO_NEW", "2")
    monkeypatch.setenv("NEW", "3")
    monkeypatch.chdir(tmp_path)
    assert call("children:surroundings", {}) == {
        "folder": str(tmp_path),
        "ZOO_NEW": "2",
        "ZOO_OLD": None,
        "NEW": "3",
    }


def test_caller_whose_folder_was_removed(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ProcessFailed, match="No such file or directory"):
        call("children:add", {"a": 1, "b": 2})
    monkeypatch.chdir(tmp_path)
    alive()


UNGUARDED = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
print("top of the script", flush=True)
from zoo.common import fork_server
fork_server.installed = {{}}.get  # TensorFlow would take seconds
from zoo.common.worker import call
print(call("children:add", {{"a": 1, "b": 2}}))
print(call("children:print_garbage", {{}}))
print(call("children:process", {{}})["main"])
print("__main__" in sys.modules and sys.modules["__main__"].__file__)
"""


def test_script_without_a_guard_runs_once_and_alone_speaks(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = run_python(str(script), folder=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["top of the script", "3", "done", "None", str(script)]


LONG_PATH = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from multiprocessing import util
from zoo.common import fork_server, paths
from zoo.common.errors import ZooError
from zoo.common.worker import call
fork_server.installed = lambda module: False
paths._SHORT = sys.argv[1]
try:
    print(call("children:add", {{"a": 1, "b": 2}}))
except ZooError as error:
    print(error.fix)
print(util.get_temp_dir())
"""


@pytest.mark.parametrize(
    ("short", "answer"), [("/tmp", "3"), ("/none", "set TMPDIR to a folder with a shorter path")]
)
def test_sockets_where_the_path_of_tmpdir_is_too_long(short, answer, tmp_path):
    (tmp_path / "script.py").write_text(LONG_PATH)
    folder = tmp_path / ("t" * 100)
    folder.mkdir()
    environment = {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = run_python("script.py", short, folder=tmp_path, environment=environment)
    assert done.stderr == ""
    answered, sockets = done.stdout.splitlines()
    assert answered == answer
    assert Path(sockets).parent == (Path(short) if short == "/tmp" else folder)
    assert not Path(sockets).exists()
    assert list(folder.iterdir()) == []


@fuzz
@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_flattened_errors_keep_their_sentences(what, why, fix):
    error = flatten(BadData(what, why=why, fix=fix)).error()
    assert isinstance(error, BadData)
    assert (error.what, error.why, error.fix) == (what, why, fix)
