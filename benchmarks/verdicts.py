"""How often `zoo compare` calls a difference that is none, and finds one that is there.

Without options it needs no runtime and half a minute: it draws recordings as agents leave them
(processes that differ, drifts, outliers, two layouts of memory) and holds them together exactly as
the command does. Per host and per way of measuring, 200 comparisons of a file with itself and 200
with one that takes 5 % longer. Beside stands what a bootstrap over the same processes would have
said, which is why it is not used.

With `--real` both files run: two ONNX networks of equal layers, of which the second has a
twentieth more, timed in fresh processes that take turns. 200 trials take two hours on a quiet
machine; a noisy one mostly gives "can't tell", as it should.

    python benchmarks/verdicts.py
    python benchmarks/verdicts.py --real --trials 200
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.compare.comparison import ComparedPair, Side, compare_sides
from zoo.benchmark.compare.ratio import MARGIN, TURNS
from zoo.benchmark.measure import measure_interleaved
from zoo.benchmark.tiers import Tier
from zoo.common.errors import ZooError
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.registry import load_registry
from zoo.results.measurements import Measurement, Samples

SLOWDOWN = 1.05
#: What must come out on a quiet host.
MOST_FALSE = 0.01
LEAST_FOUND = 0.95
#: The median of what is drawn, in nanoseconds.
MEDIAN = 400_000.0


@dataclass(frozen=True)
class Host:
    """A machine by how its latencies scatter, in shares of the median.

    Attributes:
        name: For the table.
        process: From one fresh process to the next (standard deviation).
        layout: What an unlucky layout of memory costs, in one process of four.
        drift: Of the whole machine from one turn to the next: clock, heat, neighbours.
        sample: From one inference to the next.
        outliers: Share of inferences that something interrupts, for up to thrice the time.
    """

    name: str
    process: float
    layout: float
    drift: float
    sample: float
    outliers: float


HOSTS = (
    Host("quiet board", 0.002, 0.0, 0.001, 0.003, 0.001),
    Host("quiet host", 0.005, 0.01, 0.003, 0.01, 0.01),
    Host("laptop", 0.01, 0.02, 0.02, 0.02, 0.03),
    Host("shared host", 0.03, 0.03, 0.05, 0.05, 0.10),
)
QUIET = ("quiet board", "quiet host")


def recording(
    host: Host, random: np.random.Generator, weather: NDArray[np.float64], factor: float, runs: int
) -> Samples:
    """Raw samples of as many processes as the weather has turns, through the store's form."""
    processes = []
    for state in weather:
        unlucky = host.layout if random.random() < 0.25 else 0.0
        level = MEDIAN * factor * state * (1.0 + unlucky) * np.exp(random.normal(0, host.process))
        samples = level * np.exp(np.abs(random.normal(0, host.sample, runs)))
        late = random.random(runs) < host.outliers
        samples[late] *= random.uniform(1.2, 3.0, int(late.sum()))
        processes.append(np.rint(samples).astype(np.int64))
    return Samples.decode(Samples(tuple(processes)).encode())


def weather_of(
    host: Host, random: np.random.Generator, turns: int, *, together: bool
) -> list[NDArray[np.float64]]:
    """The machine's speed at each turn, for both sides; recorded apart, each has its own."""

    def walk() -> NDArray[np.float64]:
        return np.exp(np.cumsum(random.normal(0.0, host.drift, turns)))

    one = walk()
    # That recordings were taken at different speeds, the fixed piece of work of the agents shows.
    return [one, one] if together else [one / one.mean(), (other := walk()) / other.mean()]


def drawn(
    template: Measurement,
    host: Host,
    random: np.random.Generator,
    turns: int,
    *,
    together: bool,
    factor: float,
) -> tuple[Side, Side]:
    """Two sides, the second of which takes `factor` times as long."""
    states = weather_of(host, random, turns, together=together)
    return tuple(
        Side(measurement=template, samples=recording(host, random, state, by, runs=80))
        for state, by in zip(states, (1.0, factor), strict=True)
    )


def bootstrap_calls(pair: ComparedPair, random: np.random.Generator) -> bool:
    """Whether a 95 % bootstrap interval over processes would leave 1 out."""
    medians = []
    for side in (pair.first, pair.second):
        assert side.samples is not None
        each = np.array([np.median(samples) for samples in side.samples.processes])
        medians.append(np.median(random.choice(each, (1000, len(each))), axis=1))
    low, high = np.quantile(medians[1] / medians[0], [0.025, 0.975])
    return bool(low > 1.0 or high < 1.0)


def rows_of_drawn(trials: int, seed: int) -> Iterable[dict[str, object]]:
    """One row per host and way of measuring."""
    template = measurement_template()
    for host in HOSTS:
        for turns, together in ((TURNS, True), (5, False), (3, False)):
            random = np.random.default_rng(seed)
            words: dict[float, Counter[str]] = {}
            false_bootstraps = 0
            for factor in (1.0, SLOWDOWN):
                words[factor] = Counter()
                for _ in range(trials):
                    sides = drawn(template, host, random, turns, together=together, factor=factor)
                    pair = compare_sides(*sides, together=together)
                    words[factor][pair.verdict] += 1
                    if factor == 1.0:
                        false_bootstraps += bootstrap_calls(pair, random)
            yield row(
                host.name,
                f"{turns} turns" if together else f"{turns} and {turns} recorded",
                words[1.0],
                words[SLOWDOWN],
                bootstrap=f"{false_bootstraps / trials:.1%}",
            )


def row(
    host: str, how: str, same: Counter[str], slower: Counter[str], **more: object
) -> dict[str, object]:
    """What came of comparisons with itself, and with what takes longer."""
    trials, others = same.total(), slower.total()
    return {
        "host": host,
        "how": how,
        "trials": trials,
        "called_of_itself": f"{(same['slower'] + same['faster']) / max(1, trials):.1%}",
        "of_itself": dict(same),
        "found_of_5_percent": f"{slower['slower'] / max(1, others):.1%}",
        "of_5_percent": dict(slower),
        **more,
    }


def measurement_template() -> Measurement:
    """A quiet measurement; only its samples count here."""
    return Measurement(
        file="drawn",
        sha256="0" * 64,
        device="drawn",
        device_fingerprint="drawn",
        runtime="drawn",
        runtime_version=None,
        api="drawn",
        threads=1,
        delegate="none",
        placement={},
        tier="drawn",
        processes=TURNS,
        inputs={},
        **dict.fromkeys(
            ("load_ms", "first_ms", "p50_ms", "p50_low_ms", "p50_high_ms", "p90_ms"), 0.0
        ),
        p90_low_ms=0.0,
        p90_high_ms=0.0,
        p99_ms=None,
        interval="",
        runs=0,
        seconds=0.0,
        floors_met=True,
        peak_memory_mb=0.0,
        memory_before_mb=0.0,
        quiet=True,
        noise=(),
        environment={},
        created="",
    )


def chain(path: Path, layers: int, width: int = 192) -> Path:
    """An ONNX file of so many equal layers."""
    import onnx

    random, helper, kind = np.random.default_rng(0), onnx.helper, onnx.TensorProto.FLOAT
    weights = (random.normal(size=(width, width)) / np.sqrt(width)).astype(np.float32)
    nodes, before = [], "x"
    for number in range(layers):
        after = "y" if number == layers - 1 else f"h{number}"
        nodes.append(helper.make_node("MatMul", [before, f"w{number}"], [after]))
        before = after
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", kind, [1, width])],
        [helper.make_tensor_value_info("y", kind, [1, width])],
        # Each layer has weights of its own: caches must not make a longer chain cheaper.
        [onnx.numpy_helper.from_array(weights + n, f"w{n}") for n in range(layers)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def timed(device: Device, paths: Iterable[Path], tier: Tier) -> list[Side]:
    """Real runs, as `zoo compare` makes them."""
    candidates = [Candidate(path=path, runtime="onnxruntime") for path in paths]
    sides = []
    for result in measure_interleaved(device, candidates, tier=tier):
        if isinstance(result, ZooError):
            raise result
        sides.append(Side(measurement=result[0], samples=result[1]))
    return sides


def row_of_real(trials: int, turns: int, layers: int, folder: Path) -> dict[str, object]:
    """Both comparisons with files that run; the injected delay is a twentieth more layers."""
    device = device_named(load_registry(), None)
    tier = Tier(
        name="trial",
        runs=64 * turns,
        seconds=0.1 * turns,
        processes=turns,
        warmup_seconds=0.2,
        limit_seconds=10.0,
    )
    plain = chain(folder / "plain.onnx", layers)
    twin = folder / "twin.onnx"
    shutil.copyfile(plain, twin)
    longer = chain(folder / "longer.onnx", round(layers * SLOWDOWN))
    words: dict[str, Counter[str]] = {"same": Counter(), "slower": Counter()}
    ratios = []
    for number in range(trials):
        for name, other in (("same", twin), ("slower", longer)):
            pair = compare_sides(*timed(device, (plain, other), tier), together=True)
            words[name][pair.verdict] += 1
            if name == "slower":
                medians = [
                    np.median([np.median(s) for s in side.samples.processes])
                    for side in (pair.first, pair.second)
                    if side.samples is not None
                ]
                ratios.append(float(medians[1] / medians[0]))
            print(
                f"trial {number + 1} of {trials}: {name}: {pair.verdict} {pair.reason[:90]}",
                file=sys.stderr,
                flush=True,
            )
    return row(
        "this machine",
        f"{turns} turns, real",
        words["same"],
        words["slower"],
        median_ratio_of_5_percent=round(float(np.median(ratios)), 4),
    )


def main() -> int:
    """Prints one JSON object per row; the exit code is 1 when a quiet host misses its goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", action="store_true", help="time real files on this machine")
    parser.add_argument("--turns", type=int, default=TURNS, help="of --real")
    parser.add_argument("--layers", type=int, default=40, help="of --real")
    options = parser.parse_args()
    print(f"margin {MARGIN:.0%}, injected {SLOWDOWN - 1:.0%}", file=sys.stderr)
    if options.real:
        with tempfile.TemporaryDirectory() as folder:
            arguments = (options.trials, options.turns, options.layers, Path(folder))
            print(json.dumps(row_of_real(*arguments)), flush=True)
        return 0
    missed = False
    for found in rows_of_drawn(options.trials, options.seed):
        print(json.dumps(found), flush=True)
        if found["host"] in QUIET and "turns" in str(found["how"]):
            called, hit = (
                float(str(found[name]).rstrip("%")) / 100.0
                for name in ("called_of_itself", "found_of_5_percent")
            )
            missed |= called > MOST_FALSE or hit < LEAST_FOUND
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
