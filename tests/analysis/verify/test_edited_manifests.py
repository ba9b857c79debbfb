"""A manifest that was edited, and manifests of other versions: what each claims."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digit_files import registry, with_manifest
from verified_files import failing, manifest_of, verified

from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.golden_samples import Golden
from zoo.common.files import sha256_of


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        ("model bytes", lambda m: {"payload_sha256": "0" * 64}),
        ("format", lambda m: {"format": "stone"}),
        ("inputs", lambda m: {"inputs": (replace(m.inputs[0], shape=(1, 9, 9, 1)),)}),
        ("outputs", lambda m: {"outputs": (replace(m.outputs[0], scale=0.5),)}),
        ("preprocessing", lambda m: {"preprocessing": replace(m.preprocessing, width=9)}),
        ("gate", lambda m: {"gate": replace(m.gate, passed=False)}),
        ("gate", lambda m: {"gate": replace(m.gate, checks=())}),
        (
            "gate",
            lambda m: {"gate": replace(m.gate, metrics=(replace(m.gate.metrics[0], high=0.1),))},
        ),
        (
            "placement",
            lambda m: {
                "gate": replace(
                    m.gate,
                    checks=tuple(
                        replace(c, value="9 of 9 operators are integer")
                        if c.name == "placement"
                        else c
                        for c in m.gate.checks
                    ),
                )
            },
        ),
        (
            "operators",
            lambda m: {
                "gate": replace(
                    m.gate, checks=tuple(c for c in m.gate.checks if c.name != "operators")
                )
            },
        ),
        (
            "accuracy",
            lambda m: {
                "gate": replace(
                    m.gate,
                    metrics=(replace(m.gate.metrics[0], value=0.999, low=0.998, high=1.0),),
                )
            },
        ),
        ("answers", lambda m: {"gate": replace(m.gate, outputs_sha256="0" * 64)}),
        ("calibration error", lambda m: {"gate": replace(m.gate, calibration_error=0.6)}),
        ("classes of the dataset", lambda m: {"classes": m.classes[::-1]}),
        ("training data", lambda m: {"dataset": replace(m.dataset, content_hash="1" * 64)}),
        ("golden outputs in litert", lambda m: {"golden": _moved(m.golden)}),
        ("golden inputs", lambda m: {"golden": replace(m.golden, examples=(1,))}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edited_manifest(claim: str, change: Callable, copy: Callable[[str], Path]) -> None:
    file = copy("int8.tflite")
    with_manifest(file, **change(manifest_of(file)))
    assert claim in failing(verified(file, data="digits"))


@pytest.mark.parametrize("change", [{"processor": "elsewhere"}, {"outputs_sha256": ""}])
def test_answers_are_compared_where_the_gate_ran_the_file(
    change: dict[str, str], copy: Callable[[str], Path]
) -> None:
    file = copy("int8.tflite")
    with_manifest(file, gate=replace(manifest_of(file).gate, **change))
    found = verified(file, data="digits")
    assert found.passed
    assert {c.name: c.status for c in found.claims}["answers"] == "not checked"


def _moved(golden: Golden) -> Golden:
    """Golden outputs of which one value is 0.1 larger."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(golden.outputs.data)), "<f4").copy()
    raw[1] += 0.1
    data = base64.b64encode(zlib.compress(raw.tobytes())).decode()
    return replace(golden, outputs=replace(golden.outputs, data=data))


def test_what_belongs_to_a_plugin_that_is_here(copy: Callable[[str], Path]) -> None:
    file = with_manifest(copy("int8.tflite"), model_id="lenet5.fashion_mnist")
    found = {claim.name: claim for claim in verified(file).claims}
    assert found["classes"].status == "holds"
    assert found["weights"].status == "fails"  # those of LeNet-5 are not what this was made from
    with_manifest(file, classes=("0", "1"))
    assert "classes" in failing(verified(file))


def test_how_input_is_prepared_is_compared_with_the_variants_record(
    copy: Callable[[str], Path],
) -> None:
    """Cards of packaged weights name it only where it differs from the variant's."""
    architecture, variant = registry().variant("lenet5")
    weights = sha256_of(architecture.weights / "lenet5.fashion_mnist.safetensors")
    own, said = variant.preprocessing, {}
    for steps in (own, replace(own, interpolation="nearest"), replace(own, layout="nchw")):
        file = with_manifest(
            copy("int8.tflite"),
            model_id="lenet5.fashion_mnist",
            weights_sha256=weights,
            preprocessing=steps,
        )
        (claim,) = (c for c in verified(file).claims if c.name == "card of the weights")
        said[steps] = claim.reason
    assert ["preprocessing" in reason for reason in said.values()] == [False, True, False]


def with_placement(file: Path, **changes: Any) -> Path:
    gate = open_artifact(registry(), file).manifest.gate
    checks = [replace(c, **changes) if c.name == "placement" else c for c in gate.checks]
    return with_manifest(file, gate=replace(gate, checks=tuple(checks)))


def test_manifests_from_before_work_was_counted_hold(copy: Callable[[str], Path]) -> None:
    file = copy("int8.tflite")
    (found,) = (c for c in verified(file).claims if c.name == "placement")
    before, work = found.found.rsplit("; ", 1)
    assert "multiply-adds are integer" in work
    assert failing(verified(with_placement(file, value=before))) == []
    assert "placement" in failing(verified(with_placement(file, value=before[:-1])))
    other = with_placement(file, value=before, passed=False)
    assert "placement" in failing(verified(other))


def test_an_unknown_precision_is_judged_by_no_other(copy: Callable[[str], Path]) -> None:
    found = verified(with_manifest(copy("int8.tflite"), precision="int9"))
    (claim,) = (c for c in found.claims if c.status == "fails")
    assert claim.name == "precision"
    assert (claim.found, claim.reason) == ("unknown precision 'int9'", "did you mean 'int8'?")


def test_a_manifest_of_the_older_layout_claims_less(copy: Callable[[str], Path]) -> None:
    """Who writes it anew in that layout needs no hash; so it is told that nothing covers it."""
    file = copy("float32.tflite")
    assert "manifest and other content" not in [c.name for c in verified(file).claims]
    with_manifest(file, schema=1)
    (claim,) = [c for c in verified(file).claims if c.name == "manifest and other content"]
    assert claim.status == "not checked"
    assert "older edgezoo" in claim.reason


def test_changed_labels_in_the_file_fail(copy: Callable[[str], Path]) -> None:
    file = copy("float32.tflite")
    with_manifest(file, attachments={"labels.txt": "0" * 64})
    assert "other content" in failing(verified(file))


def test_labels_in_another_order_fail_behind_a_right_hash(copy: Callable[[str], Path]) -> None:
    from zoo.exporters.tflite.contents import _parts, with_appended

    file, found = copy("float32.tflite"), {}
    for order, names in (("right", "0123456789"), ("turned", "1234567890")):
        payload, appended = _parts(file)
        labels = "\n".join(names).encode()
        file.write_bytes(with_appended(payload, {**appended, "labels.txt": labels}))
        with_manifest(file, attachments={"labels.txt": hashlib.sha256(labels).hexdigest()})
        found[order] = failing(verified(file))
    assert found["right"] == []
    assert found["turned"] == ["labels"]
