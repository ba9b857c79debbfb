"""Stands for LiteRT's ``benchmark_model``: times a file for real, and says so in its words.

The program itself is built for phones alone. This one runs the same library in this Python; its
lines are those of benchmark_model.cc and of tsl's StatWithPercentiles.
"""

import resource
import sys
import time


def main() -> int:
    flags = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    print("INFO: STARTING!")
    print(f"INFO: Graph: [{flags['graph']}]")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        began = time.perf_counter_ns()
        model = Interpreter(
            model_path=flags["graph"],
            num_threads=int(flags["num_threads"]),
            experimental_op_resolver_type=OpResolverType.AUTO
            if flags["use_xnnpack"] == "true"
            else plain,
        )
        model.allocate_tensors()
        init = (time.perf_counter_ns() - began) // 1000
    except (RuntimeError, ValueError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        print("ERROR: Benchmarking failed.", file=sys.stderr)
        return 1
    print("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.")
    print(f"INFO: Initialized session in {init / 1e3:g}ms.")
    limit = float(flags["max_secs"])
    warm = times(model, 1, float(flags["warmup_min_secs"]), limit)
    told = times(model, int(flags["num_runs"]), float(flags["min_secs"]), limit)
    print(
        f"INFO: Inference timings in us: Init: {init}, First inference: {warm[0]}, "
        f"Warmup (avg): {sum(warm) / len(warm):g}, Inference (avg): {sum(told) / len(told):g}"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"INFO: Overall peak memory footprint (MB) via periodic monitoring: {peak:g}")
    return 0


def times(model: object, runs: int, seconds: float, limit: float) -> list[int]:
    """Microseconds of single inferences, and the line that sums them up."""
    print(
        f"INFO: Running benchmark for at least {runs} iterations and at least {seconds:g} seconds "
        f"but terminate if exceeding {limit:g} seconds."
    )
    found: list[int] = []
    began = time.perf_counter()
    while len(found) < runs or time.perf_counter() - began < seconds:
        started = time.perf_counter_ns()
        model.invoke()  # type: ignore[attr-defined]
        found.append((time.perf_counter_ns() - started) // 1000)
    ranked = sorted(found)
    low, high, mean = ranked[0], ranked[-1], sum(found) / len(found)
    if len(found) == 1 or low == high:
        same = "(all same)" if len(found) > 1 else ""
        line = f"count={len(found)} curr={found[-1]}{same}"
    else:
        spread = (sum((v - mean) ** 2 for v in found) / len(found)) ** 0.5
        line = (
            f"count={len(found)} first={found[0]} curr={found[-1]} min={low} max={high} "
            f"avg={mean:g} std={spread:.0f}"
        )
    at = [ranked[len(ranked) * percent // 100] for percent in (5, 50, 95)]
    print(f"INFO: {line} p5={at[0]} median={at[1]} p95={at[2]}\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
