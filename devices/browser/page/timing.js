// Latency of a loaded file: warm-up, samples, and how quiet it was.

import { base64, decode } from "./arrays.js";
import { AgentError, clockResolution, now } from "./common.js";
import { fill, prepare, seededInputs } from "./running.js";

const SPIN_ITERATIONS = 1_000_000, SPIN_REPEATS = 15;
/** Most inferences in one sample, and how many times the clock's resolution a sample is at least. */
const MOST_REPEATS = 100_000, RESOLUTIONS = 100;
/** Seconds to warm up and to time the graph that computes next to nothing. */
const DISPATCH_WARM_UP = 0.1, DISPATCH_SECONDS = 0.1;
/** Clocks that differ by more, in seconds and as a share of the time, did not tick alike. */
const CLOCK_GAP = 0.25, CLOCK_SHARE = 0.02;

/** Times in ns of a fixed piece of work: slower than usual means that a neighbour was there. */
export function spin() {
  const times = [];
  for (let repeat = 0; repeat < SPIN_REPEATS; repeat++) {
    let value = 1;
    const began = now();
    for (let at = 0; at < SPIN_ITERATIONS; at++) value = (Math.imul(value, 1103515245) + 12345) & 0x7fffffff;
    const took = now() - began;
    times.push(Math.max(1, Math.round(took * 1e6) + (value & 0)));
  }
  return times;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs until the slope over five windows is flat, at most `limit` seconds; the mean time in ms too. */
async function warmUp(model, limit, resolution) {
  const began = now(), least = Math.max(2, RESOLUTIONS * resolution / 4);
  const windows = [];
  let runs = 0, stable = false;
  while (windows.length === 0 || (!stable && now() - began < limit * 1e3)) {
    const opened = now();
    let count = 0;
    do {
      await model.invoke();
      count += 1;
    } while (now() - opened < least);
    runs += count;
    windows.push((now() - opened) / count);
    if (windows.length >= 5) {
      const last = windows.slice(-5);
      const slope = last.reduce((sum, value, place) => sum + (place - 2) * value, 0) / 10;
      stable = Math.abs(slope) * 4 < 0.02 * last.reduce((sum, value) => sum + value, 0) / 5;
    }
  }
  // The fastest window: one that lost the processor says nothing of the file.
  return { told: { runs, seconds: (now() - began) / 1e3, stable }, each: windows.reduce((least, value) => Math.min(least, value)) };
}

/** Samples in ms, each the mean of `repeats` inferences. */
async function sample(model, repeats, minRuns, minSeconds, maxSeconds) {
  const durations = [], began = now();
  const floor = began + minSeconds * 1e3, limit = began + maxSeconds * 1e3;
  for (;;) {
    const started = now();
    for (let at = 0; at < repeats; at++) await model.invoke();
    const ended = now();
    durations.push((ended - started) / repeats);
    if (ended >= limit || (ended >= floor && durations.length >= minRuns)) return durations;
  }
}

/** Inferences per sample, so that the clock's resolution is under a hundredth of it. */
export function repeatsFor(each, resolution) {
  return Math.min(MOST_REPEATS, Math.max(1, Math.ceil((RESOLUTIONS * resolution) / Math.max(each, resolution / MOST_REPEATS))));
}

/** Nanoseconds that the runtime takes for a graph that computes next to nothing: what a call itself costs. */
export async function dispatch(model) {
  model.write(seededInputs(model, 0, 0, 1, []));
  const resolution = clockResolution();
  const warm = await warmUp(model, DISPATCH_WARM_UP, resolution);
  const durations = await sample(model, repeatsFor(warm.each, resolution), 5, DISPATCH_SECONDS, 10 * DISPATCH_SECONDS);
  return Math.round(median(durations) * 1e6);
}

/** First run, warm-up and samples, and how quiet it was; `finished` gets the figures that a person looks for. */
export async function bench(model, request, finished) {
  let used;
  if (request.inputs) {
    fill(model, prepare(model, request.inputs.map(decode)), 0);
    used = { source: "supplied" };
  } else {
    const seed = Number(request.seed ?? 0), [low, high] = request.range ?? [0, 1];
    const limits = request.limits ?? [];
    model.write(seededInputs(model, seed, low, high, limits));
    used = { source: "seeded", seed, range: [low, high] };
    if (limits.some((limit) => limit)) used.limits = limits;
  }
  const began = now();
  await model.invoke();
  const first = now() - began;
  const resolution = clockResolution();
  const warm = await warmUp(model, Number(request.warmup_seconds ?? 1), resolution);
  const repeats = repeatsFor(warm.each, resolution);
  const minRuns = Number(request.min_runs), minSeconds = Number(request.min_seconds);
  const maxSeconds = Number(request.max_seconds ?? Math.max(60, 10 * minSeconds));
  const spinBefore = spin(), memory = model.memory();
  const calendar = Date.now(), wallBegan = now();
  const durations = await sample(model, repeats, minRuns, minSeconds, maxSeconds);
  const wall = (now() - wallBegan) / 1e3, gap = (Date.now() - calendar) / 1e3 - wall;
  const spinAfter = spin();
  if (leastOf(durations) <= 0) {
    throw new AgentError("ClockFault", `the clock is too coarse, or went back: a sample took ${leastOf(durations)} ms`);
  }
  finished({ median_ms: median(durations), runs: durations.length });
  return {
    samples: { count: durations.length, data: await packed(durations) },
    repeats,
    clock_resolution_ns: Math.round(resolution * 1e6),
    first_ns: Math.max(1, Math.round(first * 1e6)),
    warmup: warm.told,
    inputs: used,
    floors_met: durations.length >= minRuns && wall >= minSeconds,
    spin_before_ns: spinBefore,
    spin_after_ns: spinAfter,
    load_average: [],
    peak_memory_bytes: Math.max(memory, model.memory()),
    wall_seconds: wall,
    cpu_seconds: null,
    involuntary_switches: null,
    steal_seconds: null,
    throttled_seconds: null,
    clock_gap_seconds: Math.abs(gap) > Math.max(CLOCK_GAP, CLOCK_SHARE * wall) ? gap : 0,
  };
}

// `Math.min(...)` of very many arguments overflows the stack.
function leastOf(durations) {
  return durations.reduce((least, value) => Math.min(least, value), Infinity);
}

/** Whole nanoseconds, little-endian 64 bits, compressed as zlib does, in base64. */
async function packed(durations) {
  const raw = new BigInt64Array(durations.length);
  durations.forEach((value, at) => { raw[at] = BigInt(Math.round(value * 1e6)); });
  const stream = new Blob([raw.buffer]).stream().pipeThrough(new CompressionStream("deflate"));
  return base64(new Uint8Array(await new Response(stream).arrayBuffer()));
}
