"""Records of a store for `serve.py`: as long as real ones, each with figures of its own."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Iterator
from typing import Any

from zoo.results.records import StepRecord

DEVICES = [f"device-{number}" for number in range(8)]
PRECISIONS = ("float32", "float16", "int8", "int4", "dynamic")
CREATED = "2026-11-22T20:00:00+00:00"


def records(count: int) -> Iterator[tuple[str, StepRecord]]:
    """Of each file ten, and of files as many as it takes."""
    for number in range(-(-count // 10)):
        model, precision = f"net{number // 10}.digits", PRECISIONS[number % 5]
        format = "tflite" if number % 10 < 5 else "onnx"
        file, run = f"{model}.{precision}.{format}", f"{model}-{number // 10:08x}"
        sha256 = hashlib.sha256(file.encode()).hexdigest()
        results = [("export", exported(file, sha256)), ("gate", gated(file, sha256, number))]
        results += [("bench", timed(file, sha256, d, number)) for d in DEVICES]
        for kind, result in results:
            step = f"{kind} {format} {precision} {result.get('device', '')}".strip()
            yield (
                run,
                StepRecord(
                    step=step,
                    kind=kind,
                    key=hashlib.sha256(f"{file} {step}".encode()).hexdigest(),
                    status="passed",
                    seconds=2.0,
                    created=CREATED,
                    result=result,
                ),
            )


def exported(file: str, sha256: str) -> dict[str, Any]:
    """The result of an export."""
    tensor = {"name": "pixels", "shape": [1, 28, 28, 1], "dtype": "float32", "layout": "nhwc"}
    rng = random.Random(sha256)
    contents = {
        "inputs": [tensor],
        "outputs": [{**tensor, "name": "probabilities", "shape": [1, 10], "layout": ""}],
        "operators": {
            name: rng.randint(1, 20)
            for name in ("ADD", "CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MUL", "SOFTMAX")
        },
        "integer_operators": rng.randint(0, 60),
        "float_operators": 0,
        "float_islands": [],
        "conversions": 2,
        "custom_operators": [],
        "dynamic_tensors": [],
        "weight_bytes": rng.randint(5_000, 5_000_000),
        "payload_bytes": rng.randint(5_000, 5_000_000),
        "payload_sha256": hashlib.sha256(f"payload of {sha256}".encode()).hexdigest(),
        "weight_types": {"int32": rng.randint(500, 2000), "int8": rng.randint(10_000, 10**6)},
        "multiply_adds": {"integer": rng.randint(10**5, 10**9), "hybrid": 0, "float": 0},
        "attachments": {"labels.txt": hashlib.sha256(sha256.encode()).hexdigest()},
        "class_names": [str(n) for n in range(10)],
    }
    return {
        "file": file,
        "format": file.rpartition(".")[2],
        "precision": file.split(".")[2],
        "bytes": rng.randint(5_000, 5_000_000),
        "sha256": hashlib.sha256(f"export of {sha256}".encode()).hexdigest(),
        "contents": contents,
    }


def checks_of(rng: random.Random) -> dict[str, tuple[str, str]]:
    """What a gate found and asked, in its sentences, with figures of the file's own."""
    agree, far, moved = rng.uniform(98, 100), rng.uniform(0.001, 0.1), rng.uniform(0.0001, 0.04)
    odds = f"log-odds scaled by {rng.uniform(0, 0.2):.2g}, shifted by {rng.uniform(-0.1, 0.1):.2g}"
    share = (
        f"{rng.uniform(95, 100):.1f}% of {rng.randint(10**5, 10**9):,} multiply-adds are integer"
    )
    operators = rng.randint(10, 80)
    return {
        "finite": ("0 of 274 outputs are NaN or infinite", "none"),
        "parity": (
            f"{agree:.2f}% of 274 agree, max |Δ| {far:.2g}, moved by {moved:.2g}, by more than "
            f"0.25 on 0.00%, {odds}",
            "same first choice on at least 98%, moved by 0.045, by more than 0.25 on 1.0%, "
            "log-odds scaled by 0.25, shifted by 0.6",
        ),
        "preprocessing": (
            f"max |Δ| {rng.uniform(1e-4, 1e-2):.2g} in the file on 80 inputs",
            f"max |Δ| <= {rng.uniform(0.01, 0.05):.2g} (integer steps of {moved:.2g})",
        ),
        "accuracy": (
            f"{rng.uniform(-1, 1):+.2f} points ({rng.randint(0, 5)} lost, {rng.randint(0, 5)} "
            f"gained, McNemar p = {rng.random():.2g})",
            "no significant loss above 1 points",
        ),
        "classes": (
            f"recall of {rng.randint(0, 9)} is {rng.uniform(0, 5):.1f} points lower",
            "no class surely loses more than 5 % of its answers",
        ),
        "confidence": (
            f"calibration error {rng.uniform(1, 20):.2f} % beside {rng.uniform(1, 20):.2f} %, "
            "on 274 answers",
            "no significant rise above 4 points",
        ),
        "resolution": (
            f"first choice tied on {rng.uniform(0, 5):.2f}% of 274 answers",
            "ties on at most 5%",
        ),
        "placement": (
            f"{rng.randint(5, operators)} of {operators} operators are integer; {share}",
            "at least 90% of the multiply-adds are integer",
        ),
        "operators": ("all stock", "no Flex or custom operators"),
        "shapes": ("all static", "static"),
    }


def metric(rng: random.Random, name: str, value: float, count: int) -> dict[str, Any]:
    """A figure with its interval."""
    low, high = value - rng.uniform(0.01, 0.05), value + rng.uniform(0.01, 0.05)
    return {
        "name": name,
        "value": value,
        "low": low,
        "high": min(1.0, high),
        "count": count,
        "counted": "example",
        "higher_is_better": True,
        "unit": "",
    }


def gated(file: str, sha256: str, number: int) -> dict[str, Any]:
    """The result of a gate on pictures: as long as one of `zoo ship lenet5 --data digits`."""
    rng = random.Random(f"gate {sha256}")
    value = 0.8 + 0.19 * ((number * 37) % 100) / 100 + rng.uniform(0, 0.001)
    like = {
        "count": 274,
        "max_abs": rng.uniform(0, 0.1),
        "mean_abs": rng.uniform(0, 0.01),
        "agreement": rng.uniform(0.98, 1),
        "moved": rng.uniform(0, 0.02),
        "far": 0.0,
        "scaled": rng.uniform(0, 0.2),
        "shifted": rng.uniform(-0.1, 0.1),
        "shifted_class": rng.randint(0, 9),
    }
    words = rng.sample(("shoe", "shirt", "coat", "bag", "dress", "sandal", "boot"), 2)
    findings = [
        {
            "code": "too-few-to-tell",
            "text": f"{rng.uniform(5, 30):.1f} % of {words[0]} of {file} are taken for {words[1]}, "
            f"which is {rng.randint(3, 60)} of {rng.randint(100, 900)} examples",
            "fix": f"look at these examples of {words[0]} and {words[1]}; add more of both",
            "weak": number % 50 == 0,
        }
    ]
    return {
        "file": file,
        "format": file.rpartition(".")[2],
        "precision": file.split(".")[2],
        "passed": True,
        "checks": [
            {"name": name, "passed": True, "value": measured, "limit": limit}
            for name, (measured, limit) in checks_of(rng).items()
        ],
        "evaluation": {
            "subject": file,
            "dataset": "digits",
            "split": "test",
            "metrics": [metric(rng, "accuracy", value, 274)],
            "details": {
                "confusion": [
                    [rng.randint(15, 30) if r == c else rng.choice((0, 0, 0, 1)) for c in range(10)]
                    for r in range(10)
                ],
                "classes": [str(n) for n in range(10)],
            },
            "outputs": "outputs.npz",
            "runtime": "litert",
            "seconds": rng.uniform(0.5, 9),
            "recalls": {
                str(n): metric(rng, "recall", rng.uniform(0.7, 1), rng.randint(15, 40))
                for n in range(10)
            },
            "balanced": metric(rng, "balanced accuracy", value - 0.01, 274),
            "findings": findings,
        },
        "network": like,
        "preprocessing": like,
        "drop": rng.uniform(-1, 1),
        "sha256": sha256,
        "bytes": 15_000 + 97 * (number % 311),
        "model_bytes": 14_000,
    }


def timed(file: str, sha256: str, device: str, number: int) -> dict[str, Any]:
    """The result of a measurement: as long as one of `zoo bench`."""
    rng = random.Random(f"{device} {sha256}")
    p50 = 0.05 + ((number * 53) % 97) / 100 + DEVICES.index(device) / 10
    times = {
        f"{name}_{end}": round(scale * p50 * rng.uniform(0.98, 1.02), 6)
        for name, scale in (("p50", 1.0), ("p90", 1.3), ("p99", 2.0))
        for end in ("ms", "low_ms", "high_ms")
    }
    noise = f"the kernel took the processor away {rng.randint(101, 900)} times per second"
    noisy = number % 7 == 0
    boot = str(uuid.UUID(int=rng.getrandbits(128)))
    processes = [
        {
            "created": CREATED,
            "p50_ms": round(p50 * rng.uniform(0.98, 1.02), 6),
            "load_ms": round(rng.uniform(1, 20), 6),
            "first_ms": round(rng.uniform(0.1, 1), 6),
            "runs": rng.randint(1000, 30000),
            "inferences_per_sample": 1,
            "clock_resolution_ns": 0.0,
            "attempts": 1,
            "noise": [noise] if noisy else [],
            "warmup": {"runs": rng.randint(100, 999), "seconds": rng.random(), "stable": True},
            "spin_before_ns": rng.randint(1_500_000, 1_800_000),
            "spin_after_ns": rng.randint(1_500_000, 1_800_000),
            "load_average": [rng.uniform(0, 4), rng.uniform(0, 4)],
            "wall_seconds": rng.uniform(1.0, 1.1),
            "cpu_seconds": rng.uniform(0.9, 1.0),
            "involuntary_switches": float(rng.randint(0, 200)),
            "condition": [{"boot": boot}, {"boot": boot}],
        }
        for _ in range(3)
    ]
    return {
        "file": file,
        "sha256": sha256,
        "device": device,
        "device_fingerprint": "7bd55ecb5e7db415",
        "runtime": "litert" if file.endswith("tflite") else "onnxruntime",
        "runtime_version": "2.3.0",
        "api": "CompiledModel.run_by_name",
        "threads": 1,
        "delegate": "XNNPACK",
        "placement": {"name": "XNNPACK", "partitions": 1, "delegated": 16, "remaining": []},
        "tier": "quick",
        "processes": 3,
        "inputs": {"source": "seeded", "seed": 0, "range": [0.0, 255.0]},
        "load_ms": rng.uniform(1, 20),
        "first_ms": rng.uniform(0.1, 1),
        **times,
        "interval": "bootstrap over processes",
        "runs": rng.randint(1000, 30000),
        "seconds": rng.uniform(3, 4),
        "floors_met": True,
        "peak_memory_mb": rng.uniform(50, 90),
        "quiet": not noisy,
        "noise": [noise] if noisy else [],
        "environment": {
            "cpu": "AMD EPYC",
            "cores": 2,
            "memory_bytes": 25276502016,
            "os": "Linux-6.18.44-x86_64-with-glibc2.36",
            "python": "3.11.7",
            "runtimes": {"litert": "2.3.0", "onnxruntime": "1.32.0"},
            "device": {"kind": "host", "address": device},
            "processes": processes,
        },
        "created": CREATED,
    }
