"""``metadata.json`` of a bundle: preprocessing, inputs, outputs and origin of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from zoo.artifacts.artifact import Artifact, Manifest
from zoo.artifacts.golden_samples import Golden, GoldenArrays
from zoo.common.files import sha256_of
from zoo.common.named_arrays import fields_of
from zoo.contracts import FileContents, Preprocessing, TensorInfo
from zoo.contracts.anchors import ANCHORS, Anchors
from zoo.contracts.outputs import BOXES, CLASS_MAP, CODE, DETECTIONS, PICTURE, RECONSTRUCTION
from zoo.contracts.prediction import MOST_BOXES, SHOWN_FROM
from zoo.contracts.stored_code import TABLES

SCHEMA = 1
#: By how many bytes of its SHA-256 a coded picture names its tables.
_DIGEST = 2
#: What an output with so many axes behind the batch means, where its last axis is the classes.
_ANSWERS = {1: "choice", 2: "choices"}
_MEANINGS = {
    "choice": "one probability per class; the largest is the answer",
    "choices": "one probability per class for each step",
    "targets": "one number for each target, in the units of the data",
    "labels": "one probability per label, of which any number may be true",
    RECONSTRUCTION: "the normalized input as the network reproduces it",
    BOXES: "for each cell of a grid a probability per class, and a box",
    DETECTIONS: "boxes, the most probable first",
    CLASS_MAP: "the probability of each class for each pixel; the largest is its class",
    "image": "an image, values from 0 to 1, channels last",
    PICTURE: "a picture, values from 0 to 1, channels last",
    CODE: "rounded to whole numbers, what is coded of a picture",
    "values": "real numbers",
}
_RESET = (
    "reset the file's variables before each input, or the answer is that of one endless sequence"
)


def facts_of(
    artifact: Artifact, manifest: Manifest, arrays: GoldenArrays, file: str, target: str
) -> dict[str, Any]:
    """The metadata of a file, as plain data for JSON.

    Args:
        artifact: The file.
        manifest: Its manifest.
        arrays: Its golden inputs and outputs.
        file: Its name in the folder.
        target: The processor that the folder is for.
    """
    contents, golden, gate = artifact.contents, manifest.golden, manifest.gate
    assert golden is not None
    preprocessing = manifest.preprocessing
    # Of sequences all inputs but the states.
    given = [*fields_of(arrays.inputs).values()]
    inputs = [
        {
            **_tensor(tensor),
            # Programs take the size that the data have, where a side is free.
            "shape": _sized(tensor.shape, (1, *own.input_shape)),
            "raw_dtype": own.dtype,
            "meaning": own.describe()["input"] + _free(manifest, tensor.name),
        }
        for tensor, own in zip(contents.inputs, preprocessing.parts, strict=True)
    ]
    outputs = [_output(tensor, manifest, golden) for tensor in contents.outputs]
    if manifest.free_sides:
        answers = fields_of(arrays.outputs).values()
        for tensor, told, own in zip(contents.outputs, outputs, answers, strict=True):
            told["shape"] = _sized(tensor.shape, (1, *own.shape[1:]))
    steps = asdict(preprocessing)
    # These are files of their own, one word per line.
    steps = {**steps, **{name: f"{name}.txt" for name in preprocessing.text_files()}}
    return {
        "schema": SCHEMA,
        "model": {
            "file": file,
            "model_id": manifest.model_id,
            "architecture": manifest.architecture,
            "task": manifest.task,
            "part": manifest.part,
            "format": manifest.format,
            "precision": manifest.precision,
            "target": target,
            "sha256": sha256_of(artifact.path),
            "bytes": artifact.path.stat().st_size,
            "model_bytes": contents.payload_bytes,
        },
        # The first of several: programs for one input need no other.
        "input": inputs[0],
        "inputs": inputs,
        # The first of several: programs for one output need no other.
        "output": {key: outputs[0][key] for key in outputs[0] if key not in ("answer", "max_abs")},
        "outputs": outputs,
        "answer": outputs[0]["answer"],
        "labels": "labels.txt",
        "preprocessing": {
            **steps,
            "before_the_model": [
                f"{name}: {text}"
                for name, text in preprocessing.describe().items()
                if name != "normalization"
            ],
            "inside_the_model": "nothing"
            if preprocessing.normalization is None
            else f"the normalization: {preprocessing.describe()['normalization']}",
        },
        "state": {
            "kept": contents.keeps_state,
            "reset": _state_in_words(contents, preprocessing),
            # Input → output that it takes at the next step.
            "carried": {state.input: state.output for state in preprocessing.states},
        },
        # How an anomaly score follows from raw input and output; None for other outputs.
        "score": score_facts(preprocessing, manifest.decoding)
        if RECONSTRUCTION in manifest.readings.values()
        else None,
        # How boxes follow from outputs; None for other outputs.
        "boxes": box_facts(manifest.decoding)
        if {BOXES, DETECTIONS} & {*manifest.readings.values()}
        else None,
        # How codes are coded as bytes; None where there are none.
        "code": code_facts(manifest.decoding),
        "quality": [asdict(metric) for metric in (gate.metrics if gate else ())],
        # None for files that were written before findings were recorded.
        "findings": None
        if gate is None or gate.findings is None
        else [asdict(finding) for finding in gate.findings],
        "gate": None
        if gate is None
        else {
            "passed": gate.passed,
            "runtime": gate.runtime,
            "runtime_version": gate.runtime_version,
        },
        "trained_on": asdict(manifest.dataset),
        "weights_sha256": manifest.weights_sha256,
        "licence": {"spdx": manifest.licence, "from": f"the weights {manifest.model_id}"},
        "golden": {
            "count": len(arrays.inputs),
            "max_abs": golden.max_abs,
            "tolerance": golden.tolerance,
            "dataset": golden.dataset,
            "examples": list(golden.examples),
            "runtime": f"{golden.runtime} {golden.runtime_version}",
            "input_dtype": given[0].dtype.name,
            "input_shape": [1, *given[0].shape[1:]],
            "output_dtype": "float32",
            "output_shape": [1, *next(iter(fields_of(arrays.outputs).values())).shape[1:]],
            "byte_order": "little",
            "files": [
                {**_files("input", n, len(given)), **_files("output", n, len(outputs))}
                for n in range(1, len(arrays.inputs) + 1)
            ],
        },
        "remarks": [*contents.remarks, *manifest.remarks],
        "created": manifest.created,
        "versions": dict(manifest.versions),
        "is_noise": preprocessing.is_noise,
    }


def _state_in_words(contents: FileContents, preprocessing: Preprocessing) -> str:
    pairs = [f"{state.input} takes what {state.output} gave" for state in preprocessing.states]
    carried = f"{', '.join(pairs)} at the step before, and zeros where a sequence begins"
    told = [_RESET] * contents.keeps_state + [carried] * bool(pairs)
    return "; ".join(told) or "nothing is remembered between inputs"


def _files(side: str, number: int, count: int) -> dict[str, str]:
    """Files of one golden example, by key; of several inputs or outputs one each."""
    if count == 1:
        return {side: f"golden/{side}_{number}.bin"}
    return {f"{side}_{n}": f"golden/{side}_{number}_{n}.bin" for n in range(1, count + 1)}


def _sized(shape: Sequence[int], own: Sequence[int]) -> list[int]:
    """A tensor's sides, free ones as `own` has them."""
    alike = len(shape) == len(own)
    return [s if s > 0 else (own[n] if alike else 1) for n, s in enumerate(shape)]


def _free(manifest: Manifest, name: str) -> str:
    own = manifest.free_sides.get(name, ())
    sides = [f"side {n + 1} ({side})" for n, side in enumerate(own) if side]
    return f"; {', '.join(sides)} may have other sizes" if sides else ""


def code_facts(decoding: Mapping[str, float | str]) -> dict[str, str] | None:
    """The file with the tables of an entropy coder, and the first bytes of their SHA-256 in hex."""
    text = decoding.get(TABLES)
    if text is None:
        return None
    digest = hashlib.sha256(str(text).encode()).hexdigest()[: 2 * _DIGEST]
    return {"tables": "tables.txt", "digest": digest}


def code_files(decoding: Mapping[str, float | str]) -> dict[str, str]:
    """What programs read beside the metadata: tables, a part on each line."""
    facts = code_facts(decoding)
    return {} if facts is None else {facts["tables"]: _lines(str(decoding[TABLES]))}


def _lines(tables: str) -> str:
    return tables.replace("|", "\n") + "\n"


def box_facts(decoding: Mapping[str, float | str]) -> dict[str, Any]:
    """From which probability on boxes are shown, how many at most, and anchors where there are."""
    return {
        "anchors": Anchors.read(decoding).facts() if ANCHORS in decoding else None,
        "threshold": decoding.get("threshold", SHOWN_FROM),
        "rule": decoding.get("rule", ""),
        "most": MOST_BOXES,
    }


def score_facts(own: Preprocessing, decoding: Mapping[str, float | str]) -> dict[str, Any]:
    """How a score follows: ``(raw * scale - mean) / std`` beside the output, by channel."""
    assert own.normalization is not None
    scale, mean, std = own.normalization
    layout = getattr(own, "layout", "nhwc")
    return {
        "scale": scale,
        "mean": list(mean),
        "std": list(std),
        "layout": layout,
        "raw_channels": own.in_layout("nhwc").input_shape[-1],
        "threshold": decoding.get("threshold"),
        "rule": decoding.get("rule", ""),
    }


def _tensor(tensor: TensorInfo) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": [max(side, 1) for side in tensor.shape],
        "dtype": tensor.dtype,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def labels_of(manifest: Manifest) -> tuple[str, ...]:
    """Names of classes for programs that use a file; none where its data have no labels."""
    came = manifest.network
    return () if came is not None and came.outputs else manifest.classes


def _output(tensor: TensorInfo, manifest: Manifest, golden: Golden) -> dict[str, Any]:
    """An output with its meaning and its tolerance."""
    answer = manifest.readings.get(tensor.name) or _answer(tensor, len(labels_of(manifest)))
    return {
        **_tensor(tensor),
        "meaning": manifest.meanings.get(tensor.name, _MEANINGS[answer]),
        "answer": answer,
        "max_abs": golden.limit(tensor.name),
    }


def _answer(output: TensorInfo, classes: int) -> str:
    if output.shape[-1] == classes and len(output.shape) - 1 in _ANSWERS:
        return _ANSWERS[len(output.shape) - 1]
    return "image" if len(output.shape) == 4 and output.shape[-1] in (1, 3) else "values"
