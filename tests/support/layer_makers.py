"""Comparisons of layers made of figures."""

from __future__ import annotations

from typing import Any

from zoo.contracts import LayerComparison, OperatorRecord


def operator(name: str, **given: Any) -> OperatorRecord:
    values = {"kind": "CONV_2D", "arithmetic": "integer", "layers": (name,), **given}
    return OperatorRecord(name=name, twin=name, **values)


def comparison(*operators: OperatorRecord) -> LayerComparison:
    return LayerComparison(
        runtime="litert",
        runtime_version="1",
        examples=64,
        operators=operators,
        overhead={},
        twin_overhead={},
    )
