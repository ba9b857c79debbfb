"""Finished steps for tests of content stores."""

from __future__ import annotations

from pathlib import Path

from zoo.pipeline.step_cache import StepCache
from zoo.results.records import StepRecord

KEY = "a" * 64
FILES = {"net.tflite": b"weights" * 40, "deep/labels.txt": b"cat\ndog\n", "empty": b""}


def kept(cache: StepCache, files: dict[str, bytes] = FILES, key: str = KEY) -> Path:
    partial = cache.begin(key)
    for name, data in files.items():
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        (partial / name).write_bytes(data)
    record = StepRecord(step="export", kind="export", key=key, status="passed", result={"a": 0.1})
    return cache.commit(partial, key, record)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}
