"""Mixed precision: which layers of an integer file to leave in float, the worst ones first."""

from __future__ import annotations

from pathlib import Path

from zoo.culprits import HARMLESS_DB, culprits, kept_layers
from zoo.explain import explain
from zoo.files import sha256_of
from zoo.keys import step_key
from zoo.pipeline import Outcome, Step, Work
from zoo.search.trials import Bench

#: So many of the worst operators are left in float, one number after the other.
COUNTS = (1, 2, 4, 8)
_CODE = ("zoo.search.mixed", "zoo.explain", "zoo.culprits", "zoo.steps.layers")


def layers_to_keep(bench: Bench, file: Path, twin: Path) -> list[tuple[str, ...]]:
    """Ever longer lists of layers, each of which may mend the file; empty when none would.

    Args:
        bench: Runs the comparison, or finds it kept.
        file: Integer file that loses too much.
        twin: Its float32 twin.
    """
    step = _step(bench, file, twin)
    pipeline = bench.pipeline("")
    (record,) = pipeline.execute([step])
    if record.status != "passed" or record.result is None:
        text = f"mixed precision of {file.name}: {record.reason}".replace("\n", "; ")
        bench.on_step("search", {"event": "note", "text": text})
        return []
    return [tuple(names) for names in record.result["keep"]]


def _step(bench: Bench, file: Path, twin: Path) -> Step:
    key = step_key(
        "explain",
        {"file": sha256_of(file), "twin": sha256_of(twin), "data": bench.data},
        modules=_CODE,
        distributions=tuple(d for e in bench.registry.exporters for d in e.distributions),
    )

    def work(work: Work) -> Outcome:
        found = explain(
            file,
            against=twin,
            data=bench.data,
            runs=0,
            registry=bench.registry,
            on_step=lambda name, event: None,
        )
        harmful = [c for c in culprits(found.comparison) if c.decibels < HARMLESS_DB]
        longer = [list(kept_layers(harmful[:count])) for count in COUNTS if count <= len(harmful)]
        return Outcome(result={"keep": longer})

    return Step(name=f"explain {file.name}", kind="explain", key=key, work=work)
