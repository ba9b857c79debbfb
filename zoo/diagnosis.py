"""Diagnosis of the installation: its parts, and the command that brings a missing one."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass

from zoo.common.errors import MissingExtra, UsageError, ZooError
from zoo.common.extras import (
    EXTRA_OF,
    ON_REQUEST,
    RUN,
    command_for,
    installed,
    runs_files_only,
    several_missing,
    usual_command,
)
from zoo.common.files import ensure_writable
from zoo.common.paths import cache_folder, data_folder
from zoo.common.versions import version_of
from zoo.execution.runtimes import installable_runtimes
from zoo.registry import Registry, load_registry


@dataclass(frozen=True, kw_only=True)
class InstalledPart:
    """A row of ``zoo doctor``.

    Attributes:
        part: ``package``, ``dataset``, ``device``, ``plugin``, ``folder`` or ``python``.
        name: Of the thing.
        ok: Whether it can be used.
        state: Version or condition.
        fix: What to type or do when it cannot; empty when it can.
    """

    part: str
    name: str
    ok: bool
    state: str
    fix: str = ""


def doctor(registry: Registry | None = None) -> list[InstalledPart]:
    """Examines this installation."""
    registry = registry or load_registry()
    return [
        _python(),
        *_packages(),
        *_datasets(registry),
        *_devices(registry),
        *_plugins(registry),
        *_folders(),
    ]


def _python() -> InstalledPart:
    return InstalledPart(
        part="python",
        name=platform.python_implementation(),
        ok=sys.version_info >= (3, 11),
        state=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    )


def _packages() -> list[InstalledPart]:
    distributions = importlib.metadata.packages_distributions()
    findings = []
    for module, extra in EXTRA_OF.items():
        names = distributions.get(module, [module])
        version = next((v for n in names if (v := version_of(n))), None)
        present = installed(module)
        command = usual_command(extra)
        # An extra that was not asked for has nothing here; of one with a part, the rest is missing.
        own = [name for name in RUN if EXTRA_OF[name] == extra]
        broken = module in own and any(map(installed, own))
        wanted = extra not in ON_REQUEST and (broken or not runs_files_only())
        missing = "missing" if wanted else f"on request: {command}"
        findings.append(
            InstalledPart(
                part="package",
                name=names[0],
                ok=present or not wanted,
                state=(version or "installed") if present else missing,
                fix="" if present else command,
            )
        )
    return findings


def _datasets(registry: Registry) -> list[InstalledPart]:
    findings = []
    for provider in registry.datasets:
        if provider.argument is not None:
            continue
        try:
            with suppress(UsageError):  # it is here, and asks for an option
                provider.fingerprint(None)
            findings.append(
                InstalledPart(part="dataset", name=provider.name, ok=True, state="available")
            )
        except ZooError as error:
            extra = error.extra if isinstance(error, MissingExtra) else ""
            findings.append(
                InstalledPart(
                    part="dataset",
                    name=provider.name,
                    ok=bool(extra) and runs_files_only(),
                    state=error.what,
                    fix=usual_command(extra) if extra else error.fix or provider.where,
                )
            )
    return findings


def _devices(registry: Registry) -> list[InstalledPart]:
    findings = []
    for kind in registry.devices:
        if not kind.local:  # `zoo devices doctor` goes and looks, which may take long
            continue
        extras = dict.fromkeys(each.extra for each in installable_runtimes(registry))
        wanted = "all" if any(map(several_missing, extras)) else ",".join(extras)
        runtimes = list(kind.driver_of({}).runtimes())
        findings.append(
            InstalledPart(
                part="device",
                name=kind.name,
                ok=bool(runtimes),
                state=", ".join(runtimes) or "no runtime",
                fix="" if runtimes else command_for(wanted),
            )
        )
    return findings


def _plugins(registry: Registry) -> list[InstalledPart]:
    return [
        InstalledPart(
            part="plugin",
            name=plugin.name,
            ok=False,
            state=plugin.problem,
            fix=f"correct it, or switch it off: zoo --without {plugin.name}",
        )
        for plugin in registry.plugins
        if plugin.problem is not None
    ]


def _folders() -> list[InstalledPart]:
    findings = []
    for name, folder in (("cache", cache_folder()), ("data", data_folder())):
        try:
            ensure_writable(folder)
            findings.append(InstalledPart(part="folder", name=name, ok=True, state=str(folder)))
        except ZooError as error:
            findings.append(
                InstalledPart(
                    part="folder",
                    name=name,
                    ok=False,
                    state=f"{folder}: {error.why}",
                    fix="set ZOO_HOME to a folder that can be written",
                )
            )
    return findings
