"""What a file would cost on an Arm Ethos-U, as Arm's compiler Vela estimates it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby

from zoo.common.errors import Unsupported
from zoo.common.extras import installed
from zoo.contracts import DeviceDriver, Examination, Figure, FigureTable, Specimen
from zoo.networks.layer_names import LayerNames, with_nameless

from ..microcontroller.memory_sizes import format_size
from .vela import DISTRIBUTION, MODULE, Estimate, Layer, estimate, vela_version
from .vela_options import EthosUOptions, config_file

_NPU = "NPU"
_AN_ESTIMATE = (
    "Every figure is Vela's estimate for this accelerator, system configuration and memory mode: "
    "nothing was measured."
)


class EthosUDriver(DeviceDriver[EthosUOptions]):
    """An accelerator in a system, as Vela knows it."""

    @property
    def address(self) -> str:
        """Accelerator, system and memory mode."""
        return f"{self.options.accelerator}, {self.options.system}, {self.options.memory}"

    def fingerprint(self) -> str:
        """Of the options, the configuration file and Vela: another of them is another estimate."""
        told = f"{self.options.model_dump_json()} {vela_version()}"
        digest = hashlib.sha256(told.encode())
        digest.update(config_file(self.options).read_bytes())
        return digest.hexdigest()[:16]

    def runtimes(self) -> Sequence[str]:
        """Vela, where it is installed."""
        return [DISTRIBUTION] if installed(MODULE) else []

    def examine(self, specimen: Specimen) -> Examination:
        """What Vela estimates of one file.

        Raises:
            MissingExtra: Vela is not installed.
            Unsupported: The file computes in real numbers.
            ZooError: Vela cannot compile it.
        """
        options = self.options
        _refuse_real_numbers(specimen)
        found = estimate(options, specimen.path.name, specimen.path.read_bytes())
        here = [layer for layer in found.layers if layer.target == _NPU]
        elsewhere = [layer for layer in found.layers if layer.target != _NPU]
        figures = _figures(options, found, _share(specimen, here, elsewhere))
        faults = [_beyond(figure) for figure in figures if not figure.within]
        if not here:
            faults.append(
                "nothing of this file runs on the NPU; write it for one: zoo export MODEL --format "
                "tflite --precision int8 --target ethos-u55"
            )
        time = f"{found.seconds * 1e3:.3g} ms estimated"
        return Examination(
            verdict="cannot run" if not here else "does not fit" if faults else time,
            figures=figures,
            faults=tuple(faults),
            tables=(layer_table(options, specimen, found.layers),),
            remarks=_remarks(elsewhere),
            configuration=_configuration(options, found),
            tools={DISTRIBUTION: found.version},
            files=() if found.kept is None else (found.kept,),
        )


def _refuse_real_numbers(specimen: Specimen) -> None:
    contents = specimen.contents
    if contents.integer_operators:
        return
    computing = contents.float_operators
    hybrid = " (weights are integers, what they multiply is not)"
    raise Unsupported(
        f"{specimen.path.name} computes in real numbers, which Ethos-U does not",
        why=f"none of its {computing} computing operators works on integers"
        + (hybrid if contents.hybrid_operators else ""),
        fix="write it in integers: zoo export MODEL --format tflite --precision int8 --target "
        "ethos-u55",
    )


def _share(specimen: Specimen, here: Sequence[Layer], elsewhere: Sequence[Layer]) -> float:
    """Per cent of the file's operators that run on the NPU; one stays whole on the CPU."""
    total = max(1, sum(specimen.contents.operators.values()))
    if not here:
        return 0.0
    return 100.0 * max(0, total - len(elsewhere)) / total


def _figures(options: EthosUOptions, found: Estimate, share: float) -> tuple[Figure, ...]:
    def figure(name: str, value: float, unit: str, limit: float | None = None) -> Figure:
        return Figure(name=name, value=value, unit=unit, limit=limit, estimate=True)

    outside = found.flash + found.dram
    return (
        figure("NPU time", found.seconds * 1e3, "ms"),
        figure("NPU cycles", found.cycles, ""),
        figure("SRAM", found.sram, "B", options.sram),
        figure("DRAM" if found.dram else "flash", outside, "B", options.flash),
        figure("on the NPU", share, "%"),
    )


def _beyond(figure: Figure) -> str:
    return (
        f"it takes {format_size(figure.value)} of {figure.name} by Vela's estimate, and there are "
        f"{format_size(figure.limit or 0.0)}; take optimise=size, a larger memory mode or a "
        "smaller network (`zoo optimize MODEL`)"
    )


def _remarks(elsewhere: Sequence[Layer]) -> tuple[str, ...]:
    if not elsewhere:
        return (_AN_ESTIMATE,)
    kinds = ", ".join(dict.fromkeys(layer.original for layer in elsewhere))
    return (
        _AN_ESTIMATE,
        f"{len(elsewhere)} operators stay on the CPU beside the NPU ({kinds}): their time is in no "
        "figure here.",
    )


def layer_table(
    options: EthosUOptions, specimen: Specimen, operations: Sequence[Layer]
) -> FigureTable:
    """Layer by layer: Vela's operations by the network's layers that they come from."""
    names = LayerNames(specimen.layers, [operation.name for operation in operations])
    # Vela breaks an operator into many, named after it or after nothing.
    runs = [list(run) for _, run in groupby(operations, key=lambda o: (o.original, o.target))]
    parts = [part for run in runs for part in _by_layer(names, run)]
    of = with_nameless([layers for layers, _ in parts], specimen.layers)
    cycles = sum(operation.cycles for operation in operations)
    return FigureTable(
        name=f"layers, by Vela's estimate for {options.accelerator}",
        headings=("layer", "operator", "on", "cycles", "% of cycles", "MACs", "% of MACs used"),
        rows=tuple(
            _row(options, layers, members, cycles)
            for layers, (_, members) in zip(of, parts, strict=True)
        ),
    )


def _by_layer(names: LayerNames, run: Sequence[Layer]) -> list[tuple[tuple[str, ...], list[Layer]]]:
    """Operations of one kind in a row, by layer; a nameless one goes with the one before."""
    parts: list[tuple[tuple[str, ...], list[Layer]]] = []
    for operation in run:
        layers = names.of(operation.name)
        if parts and (not layers or layers == parts[-1][0]):
            parts[-1][1].append(operation)
        else:
            parts.append((layers, [operation]))
    return parts


def _row(
    options: EthosUOptions, layers: Sequence[str], members: Sequence[Layer], all_cycles: float
) -> tuple[str | int | float | None, ...]:
    cycles = sum(member.cycles for member in members)
    macs = sum(member.macs for member in members)
    on_npu = members[0].target == _NPU
    return (
        ", ".join(layers) or members[0].name,
        members[0].original,
        members[0].target,
        int(cycles) if on_npu else None,
        100.0 * cycles / all_cycles if on_npu and all_cycles else None,
        int(macs) if on_npu else None,
        100.0 * macs / (cycles * options.macs) if on_npu and cycles else None,
    )


def _configuration(options: EthosUOptions, found: Estimate) -> dict[str, object]:
    return {
        "accelerator": options.accelerator,
        "system configuration": options.system,
        "memory mode": options.memory,
        "clock": f"{found.clock_hz / 1e6:g} MHz",
        "optimised for": options.optimise,
        "arena cache": options.arena_cache,
        "configuration file": options.config or "Vela's own",
    }
