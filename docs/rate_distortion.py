"""Renews the figures of docs/image-compression.md: what networks of several rates make of pictures.

    python docs/rate_distortion.py                     # trains a network for each rate: minutes
    python docs/rate_distortion.py --weights 0.01,0.1  # these rates alone; others stay on record
    python docs/rate_distortion.py --page              # the page alone, from its records

Bits are those of the coded pictures of the test split of `photographs`, each decoded back. JPEG and
WebP are Pillow's, of the same pictures. What is measured goes into docs/rate-distortion.json rate
by rate.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from update import replace

from zoo.api.runs import finetune
from zoo.common.errors import BadData
from zoo.results.formatting import plus_minus
from zoo.tasks.image_compression.bd_rate import bd_rate

HERE = Path(__file__).parent
RECORDS, PAGE = HERE / "rate-distortion.json", HERE / "image-compression.md"
MODEL, DATA = "autoencoder_small", "photographs"
#: What a mean squared error of 1 is worth, in bits per pixel; the variants' three are among them.
WEIGHTS = (0.001, 0.0032, 0.01, 0.032)
#: As the packaged weights, for a third of the time.
TRAINING: dict[str, Any] = {
    "from_scratch": True,
    "epochs": 1,
    "batch_size": 32,
    "learning_rate": 0.0005,
    "augment": ("flip",),
    "patience": 0,
}


def main() -> None:
    """Measures the rates that were asked for, and writes records and page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", default="", help="rates, with commas [all]")
    parser.add_argument("--page", action="store_true", help="renew the page from its records alone")
    asked = parser.parse_args()
    if not asked.page:
        chosen = [float(one) for one in asked.weights.split(",") if one] or list(WEIGHTS)
        for weight in chosen:
            keep(weight, measured(weight))
    text = replace(PAGE.read_text(encoding="utf-8"), "rates", table(read()))
    PAGE.write_text(text, encoding="utf-8")


def measured(weight: float) -> dict[str, Any]:
    """Trains one network, and says what its evaluation on the test split found."""
    with tempfile.TemporaryDirectory() as folder:
        run = finetune(
            MODEL,
            DATA,
            output=folder,
            store=f"sqlite:///{folder}/store.sqlite",
            set={"error_weight": weight},
            **TRAINING,
        )
        found = run.evaluation.result
        ratio, rate = found.metrics[:2]
        trivial = found.baseline
        if trivial is None:
            raise BadData("the evaluation has no baseline", fix="see zoo.tasks.image_compression")
        return {
            "error_weight": weight,
            "rate": rate.value,
            "psnr": ratio.value,
            "gain": [trivial.gain, trivial.low, trivial.high],
            "pictures": ratio.count,
            "curves": found.details["curves"],
        }


def read() -> dict[str, Any]:
    """The records."""
    if not RECORDS.exists():
        return {"training": TRAINING, "networks": [], "curves": {}}
    found: dict[str, Any] = json.loads(RECORDS.read_text(encoding="utf-8"))
    return found


def keep(weight: float, record: dict[str, Any]) -> None:
    """Puts one network's record in the place of its last; the curves are those of the pictures."""
    records = read()
    records["training"], records["curves"] = TRAINING, record.pop("curves")
    others = [one for one in records["networks"] if one["error_weight"] != weight]
    records["networks"] = sorted([*others, record], key=lambda one: float(one["error_weight"]))
    RECORDS.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
    print(f"{weight}: {record['rate']:.3f} bpp, {record['psnr']:.2f} dB", flush=True)


def table(records: dict[str, Any]) -> str:
    """Rates, PSNR and the gain on JPEG, and BD-rates."""
    lines = [
        "| error weight | bits per pixel | PSNR | beside JPEG of the same size (95 %) |",
        "|---|---|---|---|",
    ]
    networks = records["networks"]
    for one in networks:
        gain, low, high = (plus_minus(value, ".2f") for value in one["gain"])
        lines.append(
            f"| {one['error_weight']:g} | {one['rate']:.3f} | {one['psnr']:.2f} dB "
            f"| {gain} dB ({low} to {high}) |"
        )
    own = [(one["rate"], one["psnr"]) for one in networks]
    saved = {
        name: bd_rate([(rate, psnr) for rate, psnr in points], own)
        for name, points in records["curves"].items()
    }
    told = [f"{plus_minus(percent, '.1f')} % beside {name}" for name, percent in saved.items()]
    count = networks[0]["pictures"]
    lines += [
        "",
        f"BD-rate, bits at the same PSNR over these {len(own)} rates: {', '.join(told)}. "
        f"Means over {count} patches of the test split of `{DATA}`.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
