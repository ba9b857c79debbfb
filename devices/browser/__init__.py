"""Browsers: a page runs files in LiteRT.js and onnxruntime-web."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoo.common.modules import lazy
from zoo.contracts import DeviceKind, DeviceOptions, FileContents, PageRuntime, Runtime
from zoo.execution.probes import PROBES
from zoo.hookspecs import hookimpl

#: What LiteRT.js takes and gives.
_LITERT_JS_TYPES = ("float32", "int32", "uint8")


def _other_types(contents: FileContents) -> str:
    """Of LiteRT.js, whose own words name neither the tensor nor what to do."""
    ends = (*contents.inputs, *contents.outputs)
    other = next((each for each in ends if each.dtype not in _LITERT_JS_TYPES), None)
    if other is None:
        return ""
    return (
        f"{other.name!r} is {other.dtype}, and it takes and gives {', '.join(_LITERT_JS_TYPES)} "
        "alone; exported without a target, the network takes and gives float32"
    )


RUNTIMES = (
    Runtime(
        name="litert-js",
        summary="LiteRT.js, in browsers",
        formats=("tflite",),
        module="@litertjs/core",
        distributions=("@litertjs/core",),
        refusal=_other_types,
        probe=PROBES / "dense.tflite",
    ),
    Runtime(
        name="onnxruntime-web",
        summary="ONNX Runtime Web, in browsers",
        formats=("onnx",),
        module="onnxruntime-web",
        distributions=("onnxruntime-web",),
        probe=PROBES / "dense.onnx",
    ),
)


def known() -> Mapping[str, DeviceOptions]:
    """Pages elsewhere that have joined a server here."""
    from .joined import known_pages

    return known_pages()


def join_routes(address: str) -> Sequence[Any]:
    """Routes by which they join; see `DeviceKind.pages`."""
    from . import joining

    return joining.join_routes(address)


def in_pages(format: str, contents: FileContents) -> PageRuntime | None:
    """The runtime that runs a file in a page of the server; see `DeviceKind.in_pages`."""
    runtime = next((each for each in RUNTIMES if format in each.formats), None)
    if runtime is None:
        return None
    from .npm_packages import versions

    version = versions().get(runtime.name, "")
    refusal = runtime.refusal(contents) if runtime.refusal is not None else ""
    there = "" if version else f"{runtime.summary}, is not installed on this machine"
    return PageRuntime(
        name=runtime.name,
        version=version,
        worker="answer.js",
        problem=refusal or there,
        fix="" if refusal or version else "zoo devices setup browser",
    )


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """A browser of this machine, which needs no options."""
    yield DeviceKind(
        name="browser",
        summary="a browser: of this machine, without a window, or one that joined zoo serve",
        also_called=("chrome", "chromium", "firefox", "web", "wasm"),
        driver=lazy("zoo.devices.browser.driver:BrowserDriver"),
        extra="serve",
        known=known,
        pages=join_routes,
        in_pages=in_pages,
    )


@hookimpl
def zoo_runtimes() -> Iterable[Runtime]:
    """The runtimes of pages; npm brings them, as `zoo devices setup` asks it to."""
    yield from RUNTIMES
