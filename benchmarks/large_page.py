"""docs/large-networks.md, from the records of `large.py`.

A record is a network: `model`, `processors`, `load` (least and most while it was measured), `ship`
(`seconds`, `processor` seconds, `memory` in bytes) and `cells`: `format`, and `ours` and `plain`
with the same figures, `bytes` of the file, `same`, the share of inputs with Keras' choice, and
`decibels` of signal to error against Keras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.results import formatting as fmt

#: At most so many times the memory of the plain script; whole commands in GB and seconds.
FACTOR = 1.5
WHOLE = {"mobilenet_v2": (2.5, 60.0), "resnet50": (6.0, 240.0)}
_INTRODUCTION = """# Large networks on small machines

<!-- no block is run: they take minutes -->

Time and memory that networks of millions of weights need for conversion and shipping, and what to
do where memory is short. The tables are from records: `python benchmarks/large.py mobilenet_v2
resnet50 --record` measures again, and `--page` writes this page from `docs/large-networks.json`.

## Whole commands

`zoo ship MODEL --data folder:PHOTOS --from-scratch --epochs 1` on ninety photographs: training,
four files (TFLite and ONNX, float32 and int8), the gate on each, latency and the report. *Memory*
is the largest sum over the command and all its processes, shared pages counted once. *Load* is
the lowest and highest load average over one minute. Where it exceeds the cores, other programs
ran at the same time, and processor time is the better measure. The limit on time holds for a
quiet machine.
"""
_CONVERSIONS = f"""
## Single conversions beside plain scripts

Our int8 conversion and a plain script (the TFLite converter with a representative
data set; `keras.Model.export` and `quantize_static` with min/max for ONNX), from the same weights
with the same 64 photographs, each in a process of its own, the import of TensorFlow included. The
memory of ours should be at most {FACTOR:g} times that of the script. *Same answers* and *dB*
(signal to error of the outputs) compare each file with the network in Keras, on inputs that
neither was calibrated on.
"""
_ADVICE = """
## Where memory is short

* No settings are needed. Ranges are measured example by example, histograms grow with the network
  and not with the data, and the batch size is limited by the size of the activations.
* Two steps run at a time, unless both together need more than the free memory, as measured when
  they last ran (at first: by the largest step of this run). In a container its limit counts.
* A conversion may take three quarters of the memory of the machine, or of the container;
  `--memory-limit 2` allows it 2 GB. One that needs more ends with an error that says so, and
  costs its own file alone.
* Finished steps are kept. If the system killed the command, run it again, perhaps with fewer
  formats at a time: it continues after the last finished step.

```console
$ zoo ship resnet50 --data folder:photos --format tflite
$ zoo ship resnet50 --data folder:photos --format onnx
```

* `--batch-size` below 32 takes less while training, `--calibration-samples` below 256 leaves out
  pictures of 0.6 MB each (224 × 224, in float32).
"""


def page(records: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    whole = ("network", "time", "of processors", "limit", "memory", "limit", "load", "misses")
    cells = (
        "network", "file", "time, plain", "ours", "of processors, plain", "ours", "memory, plain",
        "ours", "ratio", "MB, plain / ours", "same answers, plain / ours", "dB, plain / ours",
        "misses",
    )  # fmt: skip
    return "\n".join(
        [
            _INTRODUCTION,
            *table(whole, [ship_row(one) for one in records]),
            _CONVERSIONS,
            *table(cells, [row(one, cell) for one in records for cell in one["cells"]]),
            _ADVICE,
        ]
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; its first column is text."""
    rule = "|".join(["---", *["---:"] * (len(head) - 2), "---"])
    return [f"| {' | '.join(cells)} |" for cells in (head,)] + [
        f"|{rule}|",
        *(f"| {' | '.join(cells)} |" for cells in rows),
    ]


def ship_row(record: Mapping[str, Any]) -> list[str]:
    """What a whole command took."""
    cost, (memory, seconds) = record["ship"], WHOLE.get(record["model"], (None, None))
    load = "–".join(dict.fromkeys(f"{value:.1f}" for value in record["load"]))
    return [
        record["model"],
        f"{cost['seconds']:.0f} s",
        f"{cost['processor']:.0f} s",
        fmt.MISSING if seconds is None else f"{seconds:g} s",
        f"{cost['memory'] / 1e9:.2f} GB",
        fmt.MISSING if memory is None else f"{memory:g} GB",
        load,
        ", ".join(ship_misses(record)) or fmt.MISSING,
    ]


def ship_misses(record: Mapping[str, Any]) -> list[str]:
    """Limits that a whole command exceeds; time counts wherever it was measured."""
    cost, limits = record["ship"], WHOLE.get(record["model"])
    if limits is None:
        return []
    over = {"time": cost["seconds"] > limits[1], "memory": cost["memory"] > limits[0] * 1e9}
    return [name for name, exceeds in over.items() if exceeds]


def row(record: Mapping[str, Any], cell: Mapping[str, Any]) -> list[str]:
    """One conversion beside its plain script."""
    ours, plain = cell["ours"], cell["plain"]
    return [
        record["model"],
        f"{cell['format']} int8",
        *(f"{one['seconds']:.1f} s" for one in (plain, ours)),
        *(f"{one['processor']:.1f} s" for one in (plain, ours)),
        *(f"{one['memory'] / 1e9:.2f} GB" for one in (plain, ours)),
        fmt.ratio(ours["memory"] / plain["memory"]),
        " / ".join(f"{one['bytes'] / 1e6:.2f}" for one in (plain, ours)),
        " / ".join(f"{100 * one['same']:.1f} %" for one in (plain, ours)),
        " / ".join(f"{one['decibels']:.1f}" for one in (plain, ours)),
        ", ".join(misses(cell)) or fmt.MISSING,
    ]


def misses(cell: Mapping[str, Any]) -> list[str]:
    """In what a conversion is worse than it may be."""
    ours, plain = cell["ours"], cell["plain"]
    over = {
        "memory": ours["memory"] > FACTOR * plain["memory"],
        "answers": ours["same"] < plain["same"],
    }
    return [name for name, exceeds in over.items() if exceeds]
