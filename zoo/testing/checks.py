"""The catalogue of checks: names, what each promises, and where its code is."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.contracts.checks import check_name
from zoo.registry import PluginSettings, Registry, load_registry

EXPORT = "export-"
TRAIN = "train"
BUILD = "build"


@dataclass(frozen=True, kw_only=True)
class NamedCheck:
    """A check of a network in a process of its own.

    Attributes:
        name: What users type for ``--skip``.
        function: ``package.module:name``; takes a `Subject`, returns a `Finding`.
        costly: Whether its time grows with the network's size to minutes; of a whole family
            only the smallest variant is put through it.
    """

    name: str
    promise: str
    function: str
    costly: bool = False

    def __post_init__(self) -> None:
        check_name("check", self.name)


#: Checks of the plugin itself; quick, and made without building a network.
REGISTRATION = (
    NamedCheck(
        name="imports",
        promise="finding the plugin imports no heavy library",
        function="zoo.testing.registration:imports",
    ),
    NamedCheck(
        name="info",
        promise="`zoo info --json` can tell everything",
        function="zoo.testing.registration:info",
    ),
)

#: Checks of the network, each in a process of its own.
NETWORK = (
    NamedCheck(
        name=BUILD,
        promise="the network can be built",
        function="zoo.testing.structure:build",
    ),
    NamedCheck(
        name="record",
        promise="parameters and multiply-adds are those on the record",
        function="zoo.testing.structure:record",
    ),
    NamedCheck(
        name="output",
        promise="finite float32 logits of the shape on the record, example by example",
        function="zoo.testing.structure:output",
    ),
    NamedCheck(
        name="head",
        promise="the last layer with weights is called head and alone depends on the classes",
        function="zoo.testing.structure:head",
    ),
    NamedCheck(
        name="gradients",
        promise="every trainable weight gets a gradient within two steps",
        function="zoo.testing.learning:gradients",
    ),
    NamedCheck(
        name="seed",
        promise="one seed, one result, bit by bit",
        function="zoo.testing.learning:seed",
    ),
    NamedCheck(
        name="weights",
        promise="weights survive a file",
        function="zoo.testing.weight_checks:weights",
    ),
    NamedCheck(
        name="new-head",
        promise="other classes get a new head, all else is kept",
        function="zoo.testing.weight_checks:new_head",
    ),
    NamedCheck(
        name="overfit",
        promise="the network learns 32 examples by heart",
        function="zoo.testing.learning:overfit",
        costly=True,
    ),
)

CHECKS = (*REGISTRATION, *NETWORK)


def conformance_checks(registry: Registry | None = None) -> tuple[str, ...]:
    """Every check by name, in order: those of `CHECKS`, training, and each possible export.

    Args:
        registry: Its exporters are meant; None discovers plugins anew.
    """
    registry = registry or load_registry(PluginSettings())
    cells = (
        f"{EXPORT}{exporter.name}-{precision}"
        for exporter in registry.exporters
        for precision in exporter.precisions
        if registry.precision(precision).in_kit
    )
    return (*(check.name for check in CHECKS), TRAIN, *cells)


def light_checks() -> tuple[str, ...]:
    """The checks that take seconds whatever the network: no fitting, training or exporting."""
    return tuple(check.name for check in CHECKS if not check.costly)


def export_cell(registry: Registry, name: str) -> tuple[str, str] | None:
    """Format and precision that ``export-FORMAT-PRECISION`` names; None for another name."""
    for exporter in registry.exporters:
        for precision in exporter.precisions:
            if name == f"{EXPORT}{exporter.name}-{precision}":
                return exporter.name, precision
    return None
