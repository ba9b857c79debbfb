"""Targets: kinds of processor that files are written for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.contracts.checks import check, check_name
from zoo.contracts.precision import RECURRENT_FORMS, Precision, check_precisions

ACTIVATIONS = ("signed", "unsigned")
LAYOUTS = ("nhwc", "nchw")
#: What integer files take and give; ``auto`` is uint8 for raw bytes and float32 for the rest.
INTERFACES = ("auto", "float32", "uint8", "int8")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A kind of processor, with what exporters depend on.

    Attributes:
        name: ``x86-vnni``; also what the user types for ``--target``.
        summary: One line for lists.
        aliases: Other names for it.
        machines: Values of `platform.machine` on hosts with such a processor; empty when it
            is never a host.
        cpu_flags: Features of the processor, any one of which must be there; may be empty.
        level: Among the targets that a host fits, the highest is taken.
        precisions: Those it computes at full speed, fastest first.
        activations: Whether 8-bit activations are ``signed`` or ``unsigned`` where the format
            leaves the choice.
        symmetric: Whether the zero point of activations must be 0.
        per_channel: Whether each output channel of a convolution has its own scale.
        per_channel_dense: The same for dense layers, where it costs 24 bytes for each output and
            gains next to nothing.
        reduced_range: Whether weights take 7 bits, for processors that add two products of 8 bits
            in 16 bits and saturate.
        interface: What integer files take and give; one of `INTERFACES`.
        layout: Order of an image's axes that suits it; one of `LAYOUTS`.
        recurrent: Precision → form of recurrent layers; exporters choose for those left out.
        declares: Precisions that are not built in; an exporter declares the same.
        source: Where all this is documented or measured.
    """

    name: str
    summary: str
    source: str
    precisions: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    cpu_flags: tuple[str, ...] = ()
    level: int = 0
    activations: str = "signed"
    symmetric: bool = False
    per_channel: bool = True
    per_channel_dense: bool = False
    reduced_range: bool = False
    interface: str = "auto"
    layout: str = "nhwc"
    recurrent: Mapping[str, str] = field(default_factory=dict)
    declares: tuple[Precision, ...] = ()

    def __post_init__(self) -> None:
        check_name("target", self.name)
        check(len(self.precisions) > 0, self.name, "names no precision")
        check_precisions(self.name, (*self.precisions, *self.recurrent), self.declares)
        forms = sorted(set(self.recurrent.values()) - set(RECURRENT_FORMS))
        check(not forms, self.name, f"unknown forms of recurrent layers: {', '.join(forms)}")
        check(self.activations in ACTIVATIONS, self.name, "activations are signed or unsigned")
        check(self.interface in INTERFACES, self.name, f"unknown interface {self.interface!r}")
        check(self.layout in LAYOUTS, self.name, f"unknown layout {self.layout!r}")

    def fits(self, machine: str, flags: frozenset[str]) -> bool:
        """Whether the target describes a host.

        Args:
            machine: From `platform.machine`, such as ``x86_64``.
            flags: Features of its processor, as Linux names them.
        """
        return machine in self.machines and (not self.cpu_flags or bool(flags & {*self.cpu_flags}))
