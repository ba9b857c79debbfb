"""A runtime of browsers, for pages that run files themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PageRuntime:
    """What runs files of a format in a page of the server.

    Its worker takes messages ``{id, open: {runtime, bytes}}`` and ``{id, run: [{dtype, shape,
    data}]}``, raw inputs with their batch, and answers ``{id, ok, outputs}``, in real numbers, or
    ``{id, ok: false, why}``.

    Attributes:
        name: Of the runtime.
        version: Of it; empty where it is not there.
        worker: Script of the worker, below the routes of `DeviceKind.pages`.
        problem: Why it runs no such file, in a sentence without a point; empty where it does.
        fix: What to type where the problem is that the runtime is not there.
    """

    name: str
    version: str = ""
    worker: str
    problem: str = ""
    fix: str = ""
