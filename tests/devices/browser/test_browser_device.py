"""Files in a real browser without a window, in the runtimes that npm brings."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import ZooError
from zoo.devices.browser import npm_packages
from zoo.devices.browser.browsers import find_browser
from zoo.devices.browser.driver import BrowserTransport
from zoo.devices.browser.options import BrowserOptions
from zoo.execution.failures import AgentDied, AgentRefused
from zoo.execution.probes import BIAS, PROBES, TOLERANCE, WEIGHTS
from zoo.execution.session import AgentSession
from zoo.testing.devices import check_device

pytestmark = pytest.mark.slow

RUNTIMES = {"litert-js": PROBES / "dense.tflite", "onnxruntime-web": PROBES / "dense.onnx"}


@pytest.fixture(scope="module")
def transport() -> Iterator[BrowserTransport]:
    """One browser for all tests here."""
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    try:
        program = find_browser(None)
        npm_packages.fetch(lambda _: None)
    except npm_packages.PackageRefused:
        raise
    except ZooError as error:
        pytest.skip(f"needs a browser and npm's registry: {error.what}")
    made = BrowserTransport(BrowserOptions(), program)
    yield made
    made.close()


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_answers_rightly_and_is_timed(transport, runtime, threads):
    inputs = np.random.default_rng(0).normal(size=(9, len(WEIGHTS[0]))).astype(np.float32)
    expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
    with AgentSession(transport, runtime, 60.0) as session:
        loaded = session.load(RUNTIMES[runtime], threads, purpose="timing")
        assert loaded.delegate["threads_there"] == threads
        assert np.abs(session.run(inputs) - expected).max() <= TOLERANCE
        run = session.bench(min_runs=20, min_seconds=0.0, max_seconds=20.0, warmup_seconds=0.1)
        about = session.describe()
        with pytest.raises(AgentRefused, match="keeps the number of threads"):
            session.load(RUNTIMES[runtime], 3 - threads, purpose="timing")
    assert about["isolated"] is True
    assert run.floors_met
    # One layer takes less than the clock's resolution: it is timed many times in a row.
    assert run.repeats > 1
    assert run.clock_resolution_ns > 0
    assert run.dispatch_ns > 0
    assert run.peak_memory_bytes >= 1 << 20
    assert run.cpu_seconds is None


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_that_is_none_is_refused_and_the_agent_goes_on(transport, runtime):
    with AgentSession(transport, runtime, 60.0) as session:
        with pytest.raises(AgentRefused) as caught:
            session.load(Path(__file__))
        assert caught.value.kind == "CannotLoad"
        session.load(RUNTIMES[runtime])


def test_an_operator_that_is_lacking_is_named(transport, tmp_path):
    onnx = pytest.importorskip("onnx")
    sides = [("x", [1, 4]), ("y", [1, 4])]
    x, y = (onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in sides)
    node = onnx.helper.make_node("Frobnicate", ["x"], ["y"], domain="mine")
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("mine", 1)]
    graph = onnx.helper.make_graph([node], "odd", [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)
    (tmp_path / "odd.onnx").write_bytes(model.SerializeToString())
    with (
        AgentSession(transport, "onnxruntime-web", 60.0) as session,
        pytest.raises(AgentRefused, match="Frobnicate"),
    ):
        session.load(tmp_path / "odd.onnx")


def with_operator(number: int, custom: bytes | None = None, version: int = 1) -> bytes:
    """The probe with another operator in place of its dense layer."""
    flatbuffers = pytest.importorskip("flatbuffers")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(RUNTIMES["litert-js"].read_bytes(), 0)
    (entry,) = model.operatorCodes
    entry.builtinCode, entry.deprecatedBuiltinCode = number, min(number, 127)
    entry.customCode, entry.version = custom, version
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def answers_of(session: AgentSession, path: Path) -> np.ndarray:
    """What a file answers to zeros."""
    session.load(path)
    return session.run(np.zeros((1, len(WEIGHTS[0])), np.float32))


def test_what_litert_js_tells_on_the_console_alone_is_a_refusal(transport, tmp_path):
    """Its run gives what lies in memory then, as if all were well."""
    dense, logistic, custom = 9, 14, 32
    told = {
        "unresolved custom op: MyOp": with_operator(custom, b"MyOp"),
        "Node number 0 .LOGISTIC. failed to prepare": with_operator(logistic),
        "opcode 'FULLY_CONNECTED' version '99'": with_operator(dense, version=99),
    }
    with AgentSession(transport, "litert-js", 60.0) as session:
        for words, content in told.items():
            path = tmp_path / "odd.tflite"
            path.write_bytes(content)
            with pytest.raises(AgentRefused, match=words):
                answers_of(session, path)
            with pytest.raises(AgentRefused):
                session.bench(min_runs=1, min_seconds=0.0, max_seconds=5.0, warmup_seconds=0.0)
        assert np.allclose(answers_of(session, RUNTIMES["litert-js"]), BIAS)


def test_a_browser_that_is_killed_costs_one_run_and_is_started_anew(transport):
    with AgentSession(transport, "litert-js", 60.0) as session:
        session.load(RUNTIMES["litert-js"])
        first = transport.page()
        killer = threading.Timer(0.5, os.killpg, (transport._browser.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(AgentDied, match="line to the device broke"):
            session.bench(min_runs=1, min_seconds=20.0, max_seconds=20.0, warmup_seconds=0.0)
    with AgentSession(transport, "litert-js", 60.0) as session:
        session.load(RUNTIMES["litert-js"])
        assert transport.page() is not first


def where_it_loads(session: AgentSession, file: Path) -> str:
    """The name of what runs a file, or the kind of refusal."""
    try:
        return str(session.load(file).delegate["name"])
    except AgentRefused as refusal:
        return refusal.kind


def test_a_gpu_that_is_not_there_is_refused_and_never_replaced_by_the_processor(transport):
    other = BrowserTransport(BrowserOptions(backend="webgpu"), find_browser(None))
    try:
        with AgentSession(other, "litert-js", 60.0) as session:
            where = where_it_loads(session, RUNTIMES["litert-js"])
    finally:
        other.close()
    assert where == "NotOnGpu" or where.startswith("WebGPU ")  # the latter where a GPU is


@pytest.mark.gpu
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_answers_on_a_real_gpu(transport, runtime):
    other = BrowserTransport(BrowserOptions(backend="webgpu"), find_browser(None))
    inputs = np.random.default_rng(2).normal(size=(7, len(WEIGHTS[0]))).astype(np.float32)
    expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
    try:
        with AgentSession(other, runtime, 60.0) as session:
            try:
                session.load(RUNTIMES[runtime], purpose="timing")
            except AgentRefused as refusal:
                if refusal.kind != "NotOnGpu":  # Another fault would be hidden.
                    raise
                pytest.skip(refusal.what)
            np.testing.assert_allclose(session.run(inputs), expected, atol=1e-2)
    finally:
        other.close()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_webnn_that_is_not_there_is_refused_in_the_browsers_words(transport, runtime):
    other = BrowserTransport(BrowserOptions(backend="webnn"), find_browser(None))
    try:
        with AgentSession(other, runtime, 60.0) as session:
            where = where_it_loads(session, RUNTIMES[runtime])
            if where == "NotOnGpu":
                with pytest.raises(AgentRefused, match=r"no WebNN|in place of gpu"):
                    session.load(RUNTIMES[runtime])
    finally:
        other.close()
    assert where == "NotOnGpu" or where.startswith("WebNN ")  # the latter where a browser has it


@pytest.mark.parametrize("check", ["describe", "close", "dead"])
def test_conformance(transport, check):
    check_device("browser", check)
