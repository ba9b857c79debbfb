"""zoo bench and zoo compare of files that leave sizes open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_sizes import image_reader, token_reader
from short_timing import short_timing as short_timing

from zoo.benchmark.compare.comparability import differences
from zoo.benchmark.compare.operands import last_record, operand_named
from zoo.benchmark.tiers import TIERS
from zoo.results.store import Store


@pytest.mark.slow
def test_shapes_are_rows_and_never_mixed(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is compared with a record of too few processes, or of disturbed ones.
    monkeypatch.setitem(TIERS, "brief", replace(TIERS["brief"], processes=5))
    monkeypatch.setattr("zoo.benchmark.interleaving.disturbances", lambda *_, **__: ())
    net = str(image_reader(Path("net.onnx")))
    refused = zoo("bench", net, "--tier", "brief")
    assert (refused.code, "--shape x=1x3xCxD" in refused.err) == (2, True)
    shapes = ("--shape", "x=1x3x8x8", "--shape", "x=1x3x8x16")
    told = zoo("bench", net, "--tier", "brief", *shapes, "--json").json
    assert [row["shape"] for row in told] == ["1x3x8x8", "1x3x8x16"]
    assert [row["measurement"]["shapes"] for row in told] == [
        {"x": [1, 3, 8, 8]},
        {"x": [1, 3, 8, 16]},
    ]
    assert all(row["measurement"]["answers"]["exact"] for row in told)
    timed = operand_named(Store(None), "bench", ()).recorded
    first, second = (one.measurement for one in timed)
    assert differences(first, second) == ("shape of inputs 1x3x8x8 against 1x3x8x16",)
    # The newest record of the file is of the other shape: it is not what this one is held against.
    found = last_record(Store(None), "host", "net.onnx", 1, {"x": [(1, 3, 8, 8)]})
    assert found.measurement == first
    compared = zoo(
        "compare", net, "--tier", "brief", "--turns", "5", "--shape", "1x3x8x8", "--json"
    )
    (pair,) = compared.json["comparisons"]
    sides = [pair[side]["measurement"] for side in ("first", "second")]
    assert [side["shapes"] for side in sides] == [{"x": [1, 3, 8, 8]}] * 2
    missing = zoo("compare", net, "--shape", "x=1x3x9x9")
    assert (missing.code, "no record of net.onnx on 'host' with that shape" in missing.err) == (
        2,
        True,
    )


def test_samples_are_what_is_timed(zoo: Any) -> None:
    net = str(token_reader(Path("net.onnx"), masked=True))
    ids, mask = np.arange(140).reshape(20, 7) % 50, np.ones((20, 7), np.int64)
    np.savez("samples.npz", ids=ids, mask=mask)
    refused = zoo("bench", net, "--tier", "brief")
    assert (refused.code, "whole numbers as mask" in refused.err) == (2, True)
    (row,) = zoo("bench", net, "--tier", "brief", "--data", "npz:samples.npz", "--json").json
    assert row["measurement"]["inputs"] == {"source": "supplied"}
    assert row["measurement"]["answers"]["reference"].endswith("on given inputs")
    table = zoo("bench", net, "--tier", "brief", "--data", "npz:other.npz")
    assert (table.code, "other.npz" in table.err) == (2, True)
