"""What `run` answers is what the runtime itself computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData
from zoo.common.files import sha256_of
from zoo.devices.local.host import HostTransport
from zoo.execution.failures import AgentRefused, OtherFile
from zoo.execution.session import CHUNK_EXAMPLES, AgentSession

EXAMPLES = np.random.default_rng(2).normal(size=(7, 4)).astype(np.float32)


def by_interpreter(path: Path, examples: np.ndarray) -> np.ndarray:
    """Outputs in the file's own numbers, one static batch at a time."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    batch, found = takes["shape"][0], []
    for start in range(0, len(examples), batch):
        interpreter.set_tensor(takes["index"], examples[start : start + batch])
        interpreter.invoke()
        found.append(interpreter.get_tensor(gives["index"]).copy())
    return np.concatenate(found)


@pytest.mark.parametrize("purpose", ["outputs", "timing"])
def test_float_file(litert: AgentSession, files: dict[str, Path], purpose: str) -> None:
    litert.load(files["dense"], purpose=purpose)
    outputs = litert.run(EXAMPLES)
    assert outputs.dtype == np.float32
    np.testing.assert_array_equal(outputs, by_interpreter(files["dense"], EXAMPLES))


@pytest.mark.parametrize("purpose", ["outputs", "timing"])
def test_integer_file_takes_and_gives_real_numbers(
    litert: AgentSession, files: dict[str, Path], purpose: str
) -> None:
    examples = np.concatenate([EXAMPLES, [[1e9, -1e9, 0.0, 0.26]]]).astype(np.float32)
    loaded = litert.load(files["dense_int8"], purpose=purpose)
    assert (loaded.inputs[0].scale, loaded.inputs[0].zero_point) == (0.5, -3)
    quantized = np.clip(np.round(examples / 0.5) - 3, -128, 127).astype(np.int8)
    raw = by_interpreter(files["dense_int8"], quantized)
    np.testing.assert_array_equal(litert.run(examples), (raw.astype(np.float32) - 4) * 0.25)


def test_raw_integers_are_real_numbers_too(litert: AgentSession, files: dict[str, Path]) -> None:
    pixels = np.array([[0, 10, 60, 3]], np.uint8)
    litert.load(files["dense_int8"])
    np.testing.assert_array_equal(litert.run(pixels), litert.run(pixels.astype(np.float32)))


def test_static_batch_is_filled_and_cut(litert: AgentSession, files: dict[str, Path]) -> None:
    litert.load(files["dense_by_two"])
    padded = np.concatenate([EXAMPLES, EXAMPLES[-1:]])
    expected = by_interpreter(files["dense_by_two"], padded)[:7]
    np.testing.assert_array_equal(litert.run(EXAMPLES), expected)


def test_more_examples_than_one_line_holds(litert: AgentSession, files: dict[str, Path]) -> None:
    many = np.random.default_rng(3).normal(size=(2 * CHUNK_EXAMPLES + 5, 4)).astype(np.float32)
    litert.load(files["dense_by_two"])
    padded = np.concatenate([many, many[-1:]])
    expected = by_interpreter(files["dense_by_two"], padded)[: len(many)]
    np.testing.assert_array_equal(litert.run(many), expected)


def test_state_is_forgotten_before_each_example(
    litert: AgentSession, files: dict[str, Path]
) -> None:
    litert.load(files["stateful"])
    twice = litert.run(np.concatenate([EXAMPLES, EXAMPLES]))
    np.testing.assert_array_equal(twice[:7], twice[7:])
    kept = by_interpreter(files["stateful"], np.concatenate([EXAMPLES[:1], EXAMPLES[:1]]))
    assert not np.array_equal(kept[0], kept[1]), "the file has no state, so this proves nothing"


def test_other_element_types(litert: AgentSession, files: dict[str, Path]) -> None:
    for purpose in ("outputs", "timing"):
        litert.load(files["cast"], purpose=purpose)
        numbers = np.array([[1, -2, 3, 40_000]], np.int64)
        np.testing.assert_array_equal(litert.run(numbers), numbers.astype(np.float32))


@pytest.mark.parametrize("name", ["onnx", "onnx_free"])
def test_onnx_file(onnxruntime: AgentSession, files: dict[str, Path], name: str) -> None:
    import onnxruntime as runtime

    direct = runtime.InferenceSession(str(files[name]), providers=["CPUExecutionProvider"])
    expected = [direct.run(None, {"x": row[None]})[0] for row in EXAMPLES]
    loaded = onnxruntime.load(files[name])
    assert loaded.inputs[0].shape == ((1, 4) if name == "onnx" else (-1, 4))
    np.testing.assert_array_equal(onnxruntime.run(EXAMPLES), np.concatenate(expected))


def test_two_inputs(onnxruntime: AgentSession, files: dict[str, Path]) -> None:
    onnxruntime.load(files["sum"])
    (total,) = onnxruntime.run_all([EXAMPLES, 2 * EXAMPLES])
    np.testing.assert_array_equal(total, EXAMPLES + 2 * EXAMPLES)
    with pytest.raises(BadData, match="2 inputs"):
        onnxruntime.run(EXAMPLES)
    with pytest.raises(AgentRefused, match="1 arrays for 2 inputs"):
        onnxruntime.run_all([EXAMPLES])
    with pytest.raises(AgentRefused, match="input b takes Nx4, but 6x4 came"):
        onnxruntime.run_all([EXAMPLES, EXAMPLES[:6]])


@pytest.mark.parametrize("shape", [(2, 5), (2, 4, 1), (4,), (0, 4)])
def test_wrong_shape_is_refused(
    litert: AgentSession, files: dict[str, Path], shape: tuple[int, ...]
) -> None:
    litert.load(files["dense"])
    with pytest.raises(AgentRefused, match="input x takes Nx4") as refusal:
        litert.run(np.zeros(shape, np.float32))
    assert refusal.value.kind == "BadInput"


def test_nan_has_no_integer(litert: AgentSession, files: dict[str, Path]) -> None:
    litert.load(files["dense_int8"])
    with pytest.raises(AgentRefused, match="NaN"):
        litert.run(np.full((1, 4), np.nan, np.float32))


class TestPlacement:
    """What really executes a file."""

    def test_xnnpack(self, litert: AgentSession, files: dict[str, Path]) -> None:
        loaded = litert.load(files["dense"], threads=2)
        assert loaded.threads == 2
        assert loaded.delegate == {
            "name": "XNNPACK",
            "partitions": 1,
            "delegated": 1,
            "remaining": [],
        }

    def test_xnnpack_switched_off(self, litert: AgentSession, files: dict[str, Path]) -> None:
        loaded = litert.load(files["dense"], plain_kernels=True)
        assert loaded.delegate["name"] == "none"
        assert loaded.delegate["remaining"] == ["FULLY_CONNECTED"]
        expected = by_interpreter(files["dense"], EXAMPLES)
        np.testing.assert_allclose(litert.run(EXAMPLES), expected, rtol=1e-5)
        timed = litert.load(files["dense"], plain_kernels=True, purpose="timing")
        assert timed.delegate["name"] == "none"
        np.testing.assert_allclose(litert.run(EXAMPLES), expected, rtol=1e-5)

    def test_operation_that_no_delegate_takes(
        self, litert: AgentSession, files: dict[str, Path]
    ) -> None:
        delegate = litert.load(files["cast"]).delegate
        assert (delegate["name"], delegate["remaining"]) == ("none", ["CAST"])

    def test_timed_call_is_named(self, litert: AgentSession, files: dict[str, Path]) -> None:
        timed = litert.load(files["dense"], purpose="timing")
        assert timed.api == "CompiledModel.run_by_name"
        # CompiledModel takes no variable tensors.
        assert litert.load(files["stateful"], purpose="timing").api == "Interpreter.invoke"

    def test_execution_provider(self, onnxruntime: AgentSession, files: dict[str, Path]) -> None:
        delegate = onnxruntime.load(files["onnx"]).delegate
        assert delegate == {"name": "CPUExecutionProvider", "providers": ["CPUExecutionProvider"]}


def test_the_file_that_is_loaded_is_the_one_that_was_meant(files: dict[str, Path]) -> None:
    with AgentSession(HostTransport(), "litert") as session:
        digest = sha256_of(files["dense"])
        assert session.load(files["dense"], sha256=digest).sha256 == digest
        with pytest.raises(OtherFile, match="another file than asked"):
            session.load(files["dense_by_two"], sha256=digest)
