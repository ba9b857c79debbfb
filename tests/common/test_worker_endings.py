"""How children of a worker process end: signals, limits, crashes, a caller that is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from makers import run_python
from worker_calls import alive

from zoo.common.errors import ProcessFailed
from zoo.common.worker import Children, WorkerLimits, call


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("SIGSEGV", "native code of the converter or runtime crashed"),
        ("SIGABRT", "native code of the converter or runtime gave up"),
        ("SIGKILL", "lack of memory"),
        ("SIGILL", "lacks an instruction"),
        ("SIGTERM", "it was terminated by a signal"),
        ("SIGUSR1", "it was ended by a signal"),
    ],
)
def test_death_by_a_signal_names_it(name, cause):
    number = int(signal.Signals[name])
    with pytest.raises(ProcessFailed) as caught:
        call("children:die_by", {"number": number, "words": "first\n\ntensor 7 is odd\n"})
    assert caught.value.what == f"die_by was killed by {name}"
    assert cause in caught.value.why
    assert caught.value.why.endswith("first | tensor 7 is odd")
    assert "the other steps go on" in caught.value.fix
    alive()


def test_crash_in_native_code():
    with pytest.raises(ProcessFailed, match="crash_in_native_code was killed by SIGSEGV"):
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

    with pytest.raises(ProcessFailed, match="was killed by SIGTERM"):
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
    (tmp_path / "ages.py").write_text(f"import time\ntime.sleep(60)\nopen({str(ended)!r}, 'w')\n")
    done = run_python("-c", WAITING, folder=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    gone = "no child process could be started: the fork server is gone"
    assert (done.stdout.splitlines(), done.stderr) == ([gone, gone], "")
    assert not ended.exists()


def test_children_are_stopped_once_each():
    children, calls = Children(), []
    with children.registered(lambda: calls.append("early")):
        pass
    with children.registered(lambda: calls.append("running")):
        children.stop_all()
    with children.registered(lambda: calls.append("late")):
        pass
    assert calls == ["running", "late"]


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
    entries = [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert entries == ["quick"]


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
