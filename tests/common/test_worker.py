"""Work in child processes: answers and errors come back, and a death costs that work alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import ROOT, fuzz, run_python

from zoo.common.errors import BadData, BadFile, ProcessFailed, UsageError, ZooError
from zoo.common.worker import Children, WorkerLimits, call, flatten
from zoo.registry import PluginSettings


def alive() -> None:
    """The caller goes on after a child's death."""
    assert call("children:add", {"a": 1, "b": 2}) == 3


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
        ("MissingExtra", ZooError, 'pip install "edgezoo[onnx]"'),
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


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("SIGSEGV", "native code of the converter or runtime crashed"),
        ("SIGABRT", "native code of the converter or runtime gave up"),
        ("SIGKILL", "lack of memory"),
        ("SIGILL", "lacks an instruction"),
        ("SIGTERM", "it was asked to stop"),
        ("SIGUSR1", "it was ended by a signal"),
    ],
)
def test_death_by_a_signal_names_it(name, cause):
    number = int(signal.Signals[name])
    with pytest.raises(ProcessFailed) as caught:
        call("children:die_by", {"number": number, "words": "first\n\ntensor 7 is odd\n"})
    assert caught.value.what == f"die_by died by {name}"
    assert cause in caught.value.why
    assert caught.value.why.endswith("first | tensor 7 is odd")
    assert "the other steps go on" in caught.value.fix
    alive()


def test_crash_in_native_code():
    with pytest.raises(ProcessFailed, match="crash_in_native_code died by SIGSEGV"):
        call("children:crash_in_native_code", {})
    alive()


@pytest.mark.parametrize("code", [0, 7])
def test_exit_without_an_answer(code):
    with pytest.raises(ProcessFailed, match=f"without an answer .exit code {code}."):
        call("children:exit_at_once", {"code": code})
    alive()


def test_death_in_the_middle_of_a_message():
    with pytest.raises(
        ProcessFailed, match="die_in_the_middle_of_a_message ended without an answer"
    ):
        call("children:die_in_the_middle_of_a_message", {})
    alive()


def test_time_limit():
    events = []
    with pytest.raises(ProcessFailed, match=r"was stopped after 0\.5 s") as caught:
        call("children:wait_forever", {}, on_event=events.append, limits=WorkerLimits(seconds=0.5))
    assert caught.value.why == "it reached its time limit"
    for event in events:  # the child may have had no time to say anything
        with pytest.raises(ProcessLookupError):
            os.kill(event["pid"], 0)
    alive()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_memory_limit():
    limits = WorkerLimits(memory_bytes=1 << 28)
    with pytest.raises(ProcessFailed, match="the step ran out of memory") as caught:
        call("children:fill_memory", {}, limits=limits)
    assert "raise the memory limit" in caught.value.fix
    # The fork server's own memory does not count.
    assert call("children:use_memory", {"size": 1 << 24}, limits=limits) == 1 << 24
    alive()


def test_child_ignores_the_interruption_of_its_group():
    assert call("children:interrupted", {}) == "goes on"


def test_stopping_all_children():
    children = Children()
    stopped = []

    def stop_soon(event):
        stopped.append(event["pid"])
        children.stop_all()

    with pytest.raises(ProcessFailed, match="died by SIGTERM"):
        call("children:wait_forever", {}, on_event=stop_soon, children=children)
    with pytest.raises(ProcessLookupError):
        os.kill(stopped[0], 0)
    with pytest.raises(ProcessFailed):  # too late to begin
        call("children:wait_forever", {}, children=children)
    alive()


WAITING = """
import threading, time
from zoo.common import fork_server
from zoo.common.errors import ProcessFailed
from zoo.common.worker import Children, call
fork_server.LIGHT_PRELOAD = "ages"
children = Children()
def begin():
    try:
        call("children:add", {"a": 1, "b": 2}, children=children, tensorflow=False)
    except ProcessFailed as error:
        print(error.what)
threads = [threading.Thread(target=begin) for _ in range(2)]
for thread in threads:
    thread.start()
while not fork_server.forkserver._forkserver._forkserver_pid:
    time.sleep(0.01)
children.stop_all()
for thread in threads:
    thread.join()
"""


def test_nobody_waits_for_the_imports_of_a_fork_server_when_all_is_stopped(tmp_path):
    """The first child of a run begins after TensorFlow is imported, which may take a minute."""
    ended = tmp_path / "ended"
    (tmp_path / "ages.py").write_text(f"import time\ntime.sleep(6)\nopen({str(ended)!r}, 'w')\n")
    done = run_python("-c", WAITING, folder=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    gone = "no child process could be started: the fork server is gone"
    assert (done.stdout.splitlines(), done.stderr) == ([gone, gone], "")
    assert not ended.exists()


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
        "wait_forever died by SIGTERM",
        "False True True",
    ]


def test_children_are_stopped_once_each():
    children, calls = Children(), []
    with children.registered(lambda: calls.append("early")):
        pass
    with children.registered(lambda: calls.append("running")):
        children.stop_all()
    with children.registered(lambda: calls.append("late")):
        pass
    assert calls == ["running", "late"]


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
    monkeypatch.delenv("ZOO_OLD")
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


INTERRUPTED = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from pathlib import Path
from zoo.common import fork_server
fork_server.installed = {{}}.get
from zoo.common.worker import call
from fake_steps import FakeStep, named
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.steps.step import Outcome

def quick(work):
    return Outcome(result=None)

def slow(work):
    call("children:wait_forever", {{}}, on_event=work.emit, children=work.children)

def tell(step, event):
    print(step, event["event"], event.get("pid"), event.get("cached"), flush=True)

steps = [
    FakeStep(id=named("quick"), content="quick", work=quick),
    FakeStep(id=named("slow"), content="slow", work=slow, need=(named("quick"),)),
]
Pipeline(cache=StepCache(Path("cache")), store=None, run="r", on_step=tell).execute(steps)
"""


def test_interrupted_run_ends_its_children_and_goes_on_where_it_stopped(tmp_path):
    """Ctrl-C, as a terminal sends it: to the whole process group."""
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    told = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        lines = []
        for line in process.stdout:
            lines.append(line.split())
            if lines[-1][1] == "waiting":
                break
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
        assert process.returncode != 0
        assert errors.rstrip().endswith("KeyboardInterrupt")
        with pytest.raises(ProcessLookupError):
            os.kill(int(lines[-1][2]), 0)
        told.append(lines[:-1])
    started = ["slow", "start", "None", "None"]
    assert told == [
        [["quick", "start", "None", "None"], ["quick", "end", "None", "False"], started],
        [["quick", "end", "None", "True"], started],
    ]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["quick"]


def test_killed_caller_takes_its_children_with_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, stdout=subprocess.PIPE)
    line = b""
    while b"waiting" not in line:
        line = process.stdout.readline()
        assert line
    process.kill()
    process.communicate()
    child = int(line.split()[2])
    for _ in range(600):  # the child notices by itself; a minute is more than it needs
        # Nobody may be left to collect the dead child.
        if not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie":
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"child {child} lives on")


@fuzz
@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_flattened_errors_keep_their_sentences(what, why, fix):
    error = flatten(BadData(what, why=why, fix=fix)).error()
    assert isinstance(error, BadData)
    assert (error.what, error.why, error.fix) == (what, why, fix)
