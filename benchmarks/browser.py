"""Inferences in a browser: the page's own loop against the shortest program of its runtime.

Both run in workers of one tab, one after the other, and time as many inferences per reading of the
clock. They take turns; the figure to look at is the ratio of the medians, 1.00 at best.

    python benchmarks/browser.py net.tflite net.onnx --rounds 9
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import ZooError
from zoo.common.files import write_text
from zoo.devices.browser import RUNTIMES, routes
from zoo.devices.browser.browsers import find_browser
from zoo.devices.browser.driver import BrowserTransport
from zoo.devices.browser.npm_packages import versions
from zoo.devices.browser.options import BrowserOptions
from zoo.execution.session import AgentSession

#: The shortest program that opens a file, runs it and reads its outputs, in each runtime.
BARE = """
const programs = {
  "litert-js": async (base, bytes, shape) => {
    self.Module = { locateFile: (name) => `${base}wasm/${name}` };
    const { loadLiteRt, loadAndCompile, Tensor } = await import(`${base}dist/index.js`);
    await loadLiteRt(`${base}wasm/`);
    const model = await loadAndCompile(bytes, { accelerator: "wasm" });
    const size = shape.reduce((a, b) => a * b, 1);
    const input = new Tensor(new Float32Array(size).fill(0.5), shape);
    return async () => {
      for (const output of await model.run([input])) {
        await output.data();
        output.delete();
      }
    };
  },
  "onnxruntime-web": async (base, bytes, shape) => {
    const ort = await import(`${base}dist/ort.wasm.min.mjs`);
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = `${base}dist/`;
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    const size = shape.reduce((a, b) => a * b, 1);
    const input = new ort.Tensor("float32", new Float32Array(size).fill(0.5), shape);
    const feeds = { [session.inputNames[0]]: input };
    return () => session.run(feeds);
  },
};

self.onmessage = async ({ data }) => {
  self.onmessage = null;
  if (!data.bare) return (await import("./agent.js")).serve(data);
  const { file, shape, repeats, seconds } = data.bare;
  const bytes = new Uint8Array(await (await fetch(data.files + file)).arrayBuffer());
  const once = await programs[data.runtime](data.base, bytes, shape);
  for (const until = performance.now() + 500; performance.now() < until;) await once();
  const samples = [];
  for (const until = performance.now() + seconds * 1000; performance.now() < until;) {
    const began = performance.now();
    for (let at = 0; at < repeats; at++) await once();
    samples.push((performance.now() - began) / repeats);
  }
  const socket = new WebSocket(data.socket);
  socket.onopen = () => socket.send(JSON.stringify(samples));
};
"""


def agent_ms(
    transport: BrowserTransport, path: Path, runtime: str, seconds: float
) -> tuple[float, int, list[int]]:
    """The median of the page's own loop, inferences per sample, and the shape of the input."""
    with AgentSession(transport, runtime) as session:
        loaded = session.load(path, purpose="timing")
        tensor = loaded.inputs[0]
        if tensor.dtype != "float32" or len(loaded.inputs) != 1:
            raise SystemExit(f"{path.name}: the bare program takes one float32 input")
        given = np.full((1, *tensor.shape[1:]), 0.5, np.float32)
        run = session.bench(
            min_runs=1,
            min_seconds=seconds,
            max_seconds=4 * seconds,
            warmup_seconds=0.5,
            inputs=[given],
        )
        return float(np.median(run.samples)) * 1e-6, run.repeats, list(given.shape)


def bare_ms(transport: BrowserTransport, path: Path, runtime: str, bare: dict[str, Any]) -> float:
    """The median of the bare program."""
    page = transport.page()
    started = {"runtime": runtime, "bare": {**bare, "file": transport.put(path)}}
    agent = page.start(started)
    try:
        line = agent.receive(60.0 + 4 * bare["seconds"])
    finally:
        agent.kill()
    if line is None:
        raise SystemExit(f"{path.name}: the bare program ended without samples")
    return float(statistics.median(json.loads(line)))


def main() -> None:
    """Prints both medians and their ratio for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    if not versions():
        raise SystemExit("the runtimes are missing: type: zoo devices setup browser")
    runtimes = {f".{each.formats[0]}": each.name for each in RUNTIMES}
    for path in given.files:
        if path.suffix not in runtimes or not path.is_file():
            raise SystemExit(f"{path}: a file that is there, {' or '.join(runtimes)}, is timed")
    with tempfile.TemporaryDirectory() as folder:
        worker = Path(folder) / "worker.js"
        write_text(worker, BARE)
        routes._page_files()["worker.js"] = worker
        transport = BrowserTransport(BrowserOptions(), find_browser(None))
        try:
            for path in given.files:
                runtime = runtimes[path.suffix]
                pairs = []
                for _ in range(given.rounds):
                    own, repeats, shape = agent_ms(transport, path, runtime, given.seconds)
                    bare = {"shape": shape, "repeats": repeats, "seconds": given.seconds}
                    pairs.append((own, bare_ms(transport, path, runtime, bare)))
                own, bare_median = (
                    statistics.median(column) for column in zip(*pairs, strict=True)
                )
                each = sorted(one / other for one, other in pairs)
                print(
                    f"{path.name}  {runtime}  page {own:.4f} ms  bare {bare_median:.4f} ms  "
                    f"ratio {own / bare_median:.3f}, of rounds {each[0]:.2f} to {each[-1]:.2f}"
                )
        finally:
            transport.close()


if __name__ == "__main__":
    try:
        main()
    except ZooError as error:
        raise SystemExit(f"error: {error}") from None
