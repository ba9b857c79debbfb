"""The machine that edgezoo runs on: files stay where they are, the agent is a child process."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.contracts import DeviceKind, DeviceOptions

from .environments import APART, environments, make_environment
from .transport import MODULES, LocalTransport, about_python, python_of, words_of

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["MODULES", "HostTransport"]


class HostTransport(LocalTransport):
    """The agent in this machine's Pythons: that of edgezoo, or the one that an option names."""

    def __init__(self, options: DeviceOptions | None = None) -> None:
        options = options or {}
        named = options.get("python")
        arguments = [] if options.get("cpus") is None else ["--cpus", str(options["cpus"])]
        arguments += [] if options.get("xnnpack", True) else ["--no-xnnpack"]
        super().__init__(
            python=None if named is None else python_of(str(named)),
            arguments=arguments,
            pythons={} if named is not None else environments(),
        )


def connect(options: DeviceOptions) -> HostTransport:
    """Nothing is held: whatever else the machine does is measured."""
    return HostTransport(options)


def address(options: DeviceOptions) -> str:
    """This machine, however it is used."""
    told = [f"{name} {options[name]}" for name in ("cpus", "python") if options.get(name)]
    told += [] if options.get("xnnpack", True) else ["no XNNPACK"]
    return ", ".join(["this machine", *told])


def fingerprint(options: DeviceOptions) -> str:
    """The same words about this machine that the agent says."""
    from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint

    plain = {k: v for k, v in options.items() if not (k == "xnnpack" and v)}
    return "; ".join([machine_fingerprint(), *words_of(plain)])


def runtimes(options: DeviceOptions) -> Sequence[str]:
    """The agent's runtimes that are installed, found without importing them."""
    if options.get("python"):
        return list(about_python(options)["runtimes"])
    apart = environments()
    return [name for name, module in MODULES.items() if name in apart or _here(module)]


def _here(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def setup(options: DeviceOptions, tell: Callable[[str], None]) -> str:
    """Makes an environment for each runtime that cannot live beside the others."""
    if options.get("python"):
        raise UsageError(
            f"the device uses a Python of yours, {options['python']}, where nothing is installed "
            "from here",
            fix="install a runtime and numpy there, or leave out the option python",
        )
    for runtime in APART:
        make_environment(runtime, tell)
    return f"this machine also has {', '.join(APART)}, in an environment of its own"


def _options() -> type[BaseModel]:
    from .options import HostOptions

    return HostOptions


def kinds() -> Iterator[DeviceKind]:
    """The host, a device that everybody has."""
    yield DeviceKind(
        name="host",
        summary="this machine, in fresh processes",
        connect=connect,
        distributions=(
            *("ai-edge-litert", "tflite-runtime", "onnxruntime"),
            *("openvino", "tflite-micro", "numpy"),
        ),
        local=True,
        fingerprint=fingerprint,
        runtimes=runtimes,
        options=_options,
        address=address,
        setup=setup,
    )
