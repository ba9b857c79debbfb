"""What ``zoo compare`` refuses before anything is exported or timed."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.benchmark.compare.comparison import Side, main_disturbances, quiet_medians, refuse_unreal
from zoo.benchmark.compare.operands import LAST, operand_named
from zoo.benchmark.compare.ratio import processes_needed
from zoo.benchmark.compare.turns import check_turns, check_turns_against
from zoo.benchmark.tiers import tier_named
from zoo.common.errors import UsageError
from zoo.execution.devices import device_named
from zoo.registry import Registry
from zoo.results.store import Store


def check_settings(registry: Registry, device: str | None, tier: str, turns: int) -> None:
    """Refuses settings under which nothing could be compared.

    Raises:
        UsageError: No such tier or device, times there are not real, or a number of turns that
            makes no sense.
    """
    tier_named(tier)
    if not 1 <= turns <= 100:
        raise UsageError(f"{turns} turns are too few or too many", fix="name 1 to 100")
    if device is not None:
        where = device_named(registry, device)
        refuse_unreal(where.name, where.clock)


def check_beside_networks(
    registry: Registry, store: str | None, names: Sequence[str], networks: int, turns: int
) -> None:
    """Refuses operands beside networks, which would be exported first.

    Args:
        registry: Knows how files of each format end.
        store: URL of the results store; None for the user's own.
        names: Operands that are no networks.
        networks: How many are.
        turns: Fresh processes of each file.

    Raises:
        UsageError: A name means nothing, or the turns of two files are too few.
    """
    kept = Store(store, writes=False)
    suffixes = [exporter.suffix for exporter in registry.exporters]
    try:
        found = [operand_named(kept, name, suffixes) for name in names if name != LAST]
    finally:
        kept.close()
    if networks + sum(one.file is not None for one in found) == 2:
        check_turns(turns)


def check_record(record: Side, turns: int) -> None:
    """Refuses a record that no file timed now can be told from.

    Raises:
        UsageError: Its samples are gone, were all disturbed, or are of too few processes; its
            times are not real; or it takes more turns.
    """
    m = record.measurement
    refuse_unreal(m.device, m.clock)
    count = 0 if record.samples is None else len(quiet_medians(record))
    if count and processes_needed(count) is not None:
        check_turns_against(turns, count)
        return
    noise = main_disturbances(m.noise)
    if record.samples is None:
        why = f"the results store has no samples of {m.file}"
    elif not count:
        why = f"every process was disturbed{f': {noise}' if noise else ''}"
    else:
        few = "1 quiet process" if count == 1 else f"{count} quiet processes"
        why = f"it has {few}, which cannot rule chance out against any number of others"
    raise UsageError(
        f"the record of {m.file} ({record.origin}) can be compared with nothing that is timed now",
        why=why,
        fix=f"record it again: zoo bench {m.file} --device {m.device} --tier quick; or compare two "
        "files",
    )
