"""`zoo verify` measures the normalization in a file, whatever the file says of itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from digit_files import (
    judge_file,
    onnx_digits,
    registry,
    with_manifest,
)

from zoo.analysis.verify.claims import Claim, ClaimList
from zoo.analysis.verify.normalization import check_normalization
from zoo.artifacts.artifact import open_artifact, require_manifest

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged file that scales its pixels by an operator of its own."""
    path = onnx_digits(tmp_path_factory.mktemp("digits") / "scaled.digits.float32.onnx")
    model = onnx.load(path)
    graph = model.graph
    weights = next(tensor for tensor in graph.initializer if tensor.name == "weights")
    values = onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(255), "weights"))
    graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1 / 255), "factor"))
    graph.node.insert(0, onnx.helper.make_node("Mul", ["pixels", "factor"], ["scaled"]))
    graph.node[1].input[0] = "scaled"
    onnx.save(model, str(path))
    return judge_file(path, "float32")


def claimed(path: Path) -> Claim:
    claims = ClaimList()
    check_normalization(claims, registry(), open_artifact(registry(), path))
    (claim,) = claims.rows
    return claim


def rehashed(path: Path) -> Path:
    contents = open_artifact(registry(), path).contents
    return with_manifest(path, payload_sha256=contents.payload_sha256)


def test_another_factor_or_none_behind_a_new_hash_fails(honest: Path, tmp_path: Path) -> None:
    assert (claimed(honest).status, claimed(honest).name) == ("holds", "preprocessing in the file")
    dimmed = Path(shutil.copy(honest, tmp_path))
    model = onnx.load(dimmed)
    factor = next(tensor for tensor in model.graph.initializer if tensor.name == "factor")
    factor.CopyFrom(onnx.numpy_helper.from_array(np.float32(0.9 / 255), "factor"))
    onnx.save(model, str(dimmed))
    found = claimed(rehashed(dimmed))
    assert found.status == "fails"
    assert "flat, behind Mul" in found.reason

    raw = Path(shutil.copy(honest, tmp_path))
    model = onnx.load(raw)
    model.graph.node[1].input[0] = "pixels"
    onnx.save(model, str(raw))
    assert claimed(rehashed(raw)).status == "fails", "it was measured by the formula before"


def test_what_only_the_network_answers_is_said(honest: Path, tmp_path: Path) -> None:
    folded = judge_file(onnx_digits(tmp_path / "nearest.digits.float32.onnx"), "float32")
    found = claimed(folded)
    assert found.status == "not checked"
    assert "folded into that layer's weights, or missing" in found.reason
    assert "off the network in the file, folded into logits" in found.reason
    # An older gate measured nothing in the file, and a network may begin with layers that scale.
    gate = require_manifest(open_artifact(registry(), honest)).gate
    assert gate is not None
    checks = tuple(
        replace(check, value="max |Δ| 0 on 64 inputs") if check.name == "preprocessing" else check
        for check in gate.checks
    )
    older = with_manifest(Path(shutil.copy(honest, tmp_path)), gate=replace(gate, checks=checks))
    assert claimed(older).status == "holds"
