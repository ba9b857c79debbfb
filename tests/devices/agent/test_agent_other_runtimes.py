"""OpenVINO and tflite-micro in the agent, and how it reads a TFLite file by itself."""

from __future__ import annotations

import importlib.util
import os
import struct
import types
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from zoo.devices.agent.zoo_agent.runtimes import tflite_micro
from zoo.devices.agent.zoo_agent.runtimes.base import LoadRequest, Options
from zoo.devices.agent.zoo_agent.runtimes.flatbuffer import tflite_signature
from zoo.devices.agent.zoo_agent.runtimes.tflite import tflite_tensor
from zoo.devices.local.host import HostTransport
from zoo.devices.local.transport import MODULES
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession

#: What reading damaged bytes may raise; the agent makes one refusal of them all.
DAMAGE = (IndexError, KeyError, OverflowError, UnicodeDecodeError, struct.error)
EXAMPLES = np.random.default_rng(2).normal(size=(7, 4)).astype(np.float32)


def session(runtime: str) -> Iterator[AgentSession]:
    if importlib.util.find_spec(MODULES[runtime]) is None:
        pytest.skip(f"{runtime} is not installed")
    with AgentSession(HostTransport(), runtime) as opened:
        yield opened


@pytest.fixture(scope="module")
def openvino() -> Iterator[AgentSession]:
    yield from session("openvino")


@pytest.fixture(scope="module")
def micro() -> Iterator[AgentSession]:
    yield from session("tflite-micro")


class TestSignature:
    """Inputs and outputs, read from a TFLite file's bytes."""

    @pytest.mark.parametrize("name", ["dense", "dense_by_two", "dense_int8", "cast", "stateful"])
    def test_it_is_what_litert_says(self, files: dict[str, Path], name: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(files[name]))
        details = interpreter.get_input_details(), interpreter.get_output_details()
        expected = tuple([tflite_tensor(d) for d in side] for side in details)
        assert tflite_signature(files[name].read_bytes()) == expected

    @pytest.mark.parametrize("kept", [0, 7, 40, 200])
    def test_a_torn_file_is_an_error(self, files: dict[str, Path], kept: int) -> None:
        with pytest.raises(DAMAGE):
            tflite_signature(files["dense"].read_bytes()[:kept])

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
    @given(place=strategies.integers(0, 10_000), value=strategies.integers(0, 2**32 - 1))
    def test_damage_is_an_error_or_another_answer(
        self, files: dict[str, Path], place: int, value: int
    ) -> None:
        data = bytearray(files["dense_int8"].read_bytes())
        place %= len(data) - 4
        data[place : place + 4] = value.to_bytes(4, "little")
        with suppress(*DAMAGE):
            tflite_signature(bytes(data))


class TestOpenVino:
    """One runtime for both formats."""

    @pytest.mark.parametrize("name", ["dense", "dense_by_two", "dense_int8"])
    def test_tflite_file(
        self, openvino: AgentSession, litert: AgentSession, files: dict[str, Path], name: str
    ) -> None:
        loaded, judged = openvino.load(files[name]), litert.load(files[name])
        assert (loaded.inputs, loaded.outputs) == (judged.inputs, judged.outputs)
        # On processors with half-precision units OpenVINO uses them unasked.
        step = 0.25 if name == "dense_int8" else 0.03
        np.testing.assert_allclose(openvino.run(EXAMPLES), litert.run(EXAMPLES), atol=step)

    @pytest.mark.parametrize("name", ["onnx", "onnx_free"])
    def test_onnx_file(
        self, openvino: AgentSession, onnxruntime: AgentSession, files: dict[str, Path], name: str
    ) -> None:
        loaded, judged = openvino.load(files[name]), onnxruntime.load(files[name])
        assert loaded.inputs == judged.inputs
        np.testing.assert_allclose(openvino.run(EXAMPLES), onnxruntime.run(EXAMPLES), atol=0.03)

    def test_two_inputs_keep_their_order(
        self, openvino: AgentSession, files: dict[str, Path]
    ) -> None:
        assert [tensor.name for tensor in openvino.load(files["sum"]).inputs] == ["a", "b"]
        (total,) = openvino.run_all([EXAMPLES, 2 * EXAMPLES])
        np.testing.assert_allclose(total, 3 * EXAMPLES, atol=0.1)

    def test_it_is_timed(self, openvino: AgentSession, files: dict[str, Path]) -> None:
        loaded = openvino.load(files["dense"], threads=2, purpose="timing")
        assert (loaded.api, loaded.threads) == ("InferRequest.infer", 2)
        assert loaded.delegate["name"] == "OpenVINO CPU"
        assert loaded.delegate["precision"] == "f32"
        timed = openvino.bench(min_runs=20, min_seconds=0, max_seconds=9, warmup_seconds=0.01)
        assert timed.floors_met

    def test_an_operator_that_it_lacks_is_named(
        self, openvino: AgentSession, files: dict[str, Path]
    ) -> None:
        with pytest.raises(AgentRefused, match=r"operation.*RNN|RNN node") as refusal:
            openvino.load(files["stateful"])
        assert refusal.value.kind == "CannotLoad"
        assert "src/" not in str(refusal.value), "places in its source help nobody"


class TestMicro:
    """The interpreter of microcontrollers."""

    @pytest.mark.parametrize("name", ["dense", "dense_int8"])
    def test_file(
        self, micro: AgentSession, litert: AgentSession, files: dict[str, Path], name: str
    ) -> None:
        loaded, judged = micro.load(files[name]), litert.load(files[name])
        assert (loaded.inputs, loaded.outputs) == (judged.inputs, judged.outputs)
        assert 0 < loaded.delegate["arena_bytes"] < 10_000
        step = 0.25 if name == "dense_int8" else 1e-5
        np.testing.assert_allclose(micro.run(EXAMPLES), litert.run(EXAMPLES), atol=step)
        timed = micro.bench(min_runs=20, min_seconds=0, max_seconds=9, warmup_seconds=0.01)
        assert timed.floors_met

    def test_an_operator_that_it_lacks_is_named(
        self, micro: AgentSession, files: dict[str, Path]
    ) -> None:
        with pytest.raises(AgentRefused, match="RNN") as refusal:
            micro.load(files["stateful"])
        assert refusal.value.kind == "CannotLoad"

    def test_two_threads_are_refused(self, micro: AgentSession, files: dict[str, Path]) -> None:
        with pytest.raises(AgentRefused, match="one thread, not 2"):
            micro.load(files["dense"], threads=2)


class Interpreter:
    """Stands for tflite-micro's: refuses small arenas in the words that it prints."""

    asked: list[int] = []  # noqa: RUF012 - what the test reads

    @classmethod
    def from_bytes(cls, data: bytes, arena_size: int) -> Interpreter:
        cls.asked.append(arena_size)
        if arena_size < 1 << 26:
            os.write(2, b"Failed to resize buffer. Requested: 64, available 1, missing: 63\n")
            raise RuntimeError("TFLM failed to allocate tensors")
        return cls()

    def print_allocations(self) -> None:
        os.write(2, b"[RecordingMicroAllocator] Arena allocation total 8880 bytes\n")

    def invoke(self) -> None: ...

    def reset(self) -> None: ...


def loaded(interpreter: Any, path: Path) -> Any:
    module = types.SimpleNamespace(runtime=types.SimpleNamespace(Interpreter=interpreter))
    return tflite_micro.open_model(module, LoadRequest(str(path)), Options())


def test_a_short_arena_grows(files: dict[str, Path]) -> None:
    Interpreter.asked.clear()
    model = loaded(Interpreter, files["dense"])
    assert Interpreter.asked == [1 << 24, 1 << 25, 1 << 26]
    assert model.delegate() == {"name": "none", "arena_bytes": 8880}


def test_another_failure_is_told_at_once_in_the_words_printed(files: dict[str, Path]) -> None:
    class Refuses(Interpreter):
        @classmethod
        def from_bytes(cls, data: bytes, arena_size: int) -> Interpreter:
            cls.asked.append(arena_size)
            os.write(2, b"Didn't find op for builtin opcode 'RNN'\n")
            raise RuntimeError("TFLM failed to allocate tensors")

    Interpreter.asked.clear()
    with pytest.raises(RuntimeError, match="Didn't find op for builtin opcode 'RNN'"):
        loaded(Refuses, files["dense"])
    assert len(Interpreter.asked) == 1
