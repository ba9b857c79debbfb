"""A comparison of networks that looks like a real one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from zoo.common.progress import quiet
from zoo.contracts import Metric
from zoo.contracts.baseline import AgainstBaseline
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search.candidates import ChoiceCandidate, Unfit
from zoo.pipeline.search.choice import Choice
from zoo.pipeline.search.chosen_files import ChosenFiles
from zoo.pipeline.search.learning_curve import CurvePoint, curve_of
from zoo.pipeline.search.points import SearchPoint, missed_of, pareto_front
from zoo.pipeline.search.rivals import Difference, Tested
from zoo.pipeline.search.rungs import Rung
from zoo.pipeline.search.scores import Score
from zoo.pipeline.search.screening import ChoiceLimits, Screened, ScreenedFile
from zoo.pipeline.search.starting_job import starting_job
from zoo.registry import load_registry

LIMITS = ChoiceLimits(max_bytes=1_000_000, max_ms=0.2, max_arena=64_000)


def accuracy(value: float, count: int = 274) -> Metric:
    return Metric(name="accuracy", value=value, low=value - 0.03, high=value + 0.03, count=count)


@cache
def candidate(name: str, *, scratch: bool = False) -> ChoiceCandidate:
    recipe = recipe_from(model=name, data="digits", from_scratch=scratch or None)
    return ChoiceCandidate(name=name, job=starting_job(load_registry(), recipe, quiet))


def screened(name: str, ms: float, size: int, arena: int = 30_000) -> Screened:
    missed = missed_of(
        [
            ("size", size, LIMITS.max_bytes),
            ("latency", ms, LIMITS.max_ms),
            ("arena", arena, LIMITS.max_arena),
        ]
    )
    file = ScreenedFile(
        precision="int8", bytes=size, p50_ms=ms, quiet=True, arena=arena, missed=missed
    )
    return Screened(candidate=candidate(name), files=(file,))


def score(value: float, share: float = 1.0, seed: int = 0, **more: Any) -> Score:
    given: dict[str, Any] = {"epochs": 15, "made": 12, "loss": 0.3, "seconds": 21.5, "weights": "w"}
    return Score(share=share, seed=seed, value=value, **{**given, **more})


def point(name: str, value: float, ms: float, size: int, **more: Any) -> SearchPoint:
    given: dict[str, Any] = {
        "name": f"tflite int8, {name}",
        "stage": "files",
        "network": name,
        "format": "tflite",
        "precision": "int8",
        "verdict": "passed",
        "metric": accuracy(value),
        "drop": 97.0 - 100 * value,
        "bytes": size,
        "p50_ms": ms,
        "p50_low_ms": ms * 0.99,
        "p50_high_ms": ms * 1.01,
        "quiet": True,
    }
    return SearchPoint(**{**given, **more})


def compared(**changed: Any) -> Choice:
    """Two finalists, one that fell behind, one too slow, one that failed."""
    points = (point("resnet8", 0.971, 0.122, 90_000), point("lenet5", 0.975, 0.058, 68_000))
    files = ChosenFiles(
        points=points,
        owners={p.name: p.network for p in points},
        front=pareto_front(points),
        chosen="resnet8",
        best=points[0],
        reference=accuracy(0.972),
    )
    beside = AgainstBaseline(
        answer="always '1'", metric=accuracy(0.131), gain=84.0, low=79.0, high=88.0, better=True
    )
    curve = [
        CurvePoint(share=0.25, examples=314, values=(0.901, 0.893, 0.905)),
        CurvePoint(share=0.5, examples=628, values=(0.941, 0.943, 0.937)),
        CurvePoint(share=1.0, examples=1257, values=(0.972, 0.968, 0.97)),
    ]
    whole = {
        "resnet8": tuple(score(v, seed=n) for n, v in enumerate((0.972, 0.968, 0.97))),
        "lenet5": tuple(score(v, seed=n) for n, v in enumerate((0.969, 0.964, 0.967))),
    }
    rungs = {
        "resnet8": score(0.91, 0.3333, epochs=9),
        "lenet5": score(0.92, 0.3333, epochs=9),
        "convnet28": score(0.84, 0.3333, epochs=9),
    }
    given: dict[str, Any] = {
        "task": "image-classification",
        "data": "digits",
        "folder": Path("chosen/digits-0123"),
        "device": "host",
        "format": "tflite",
        "limits": LIMITS,
        "metric": "accuracy",
        "maximize": True,
        "epochs": 15,
        "seed": 0,
        "screened": (
            screened("lenet5", 0.058, 68_000),
            screened("convnet28", 0.067, 810_000),
            screened("resnet8", 0.121, 90_000),
            screened("alexnet_small", 0.6, 400_000, 70_000),
            Screened(candidate=candidate("vgg8_small"), reason="the converter crashed"),
        ),
        "unfit": (Unfit(name="resnet101", reason="dataset 'digits' does not fit it"),),
        "rungs": (Rung(share=0.3333, epochs=9, keep=2),),
        "scores": {n: (s, *whole.get(n, ())) for n, s in rungs.items()},
        "failed": {},
        "whole": whole,
        "seed_stops": {},
        "files": files,
        "tested": {
            "resnet8": Tested(metrics=(accuracy(0.971),) * 3, baseline=beside),
            "lenet5": Tested(metrics=(accuracy(0.975),) * 3, baseline=beside),
        },
        "differences": {
            "lenet5": Difference(
                gain=0.4, low=-0.5, high=1.3, unit="points", examples=274, seeds=3, by_example=True
            )
        },
        "nearest_mean": accuracy(0.872),
        "curve": curve_of(curve, "accuracy", maximize=True, judged=270),
        "stopped": False,
        "notes": ("vgg8_small failed: the converter crashed",),
        "trainings": 15,
        "seconds": 312.0,
        "processor_seconds": 401.0,
        "created": "2026-11-22T12:04:11+00:00",
    }
    return Choice(**{**given, **changed})
