// The agent's side of the protocol in a worker: JSON requests and answers over a WebSocket of its own.

import { decode, encode } from "./arrays.js";
import { AgentError, MODULES, PROTOCOL, clockResolution } from "./common.js";
import { memoryBytes, watch } from "./memory.js";
import { run } from "./running.js";
import { bench, dispatch } from "./timing.js";
import { adapterOf, requireHardware } from "./webgpu.js";
import { requireWebnn } from "./webnn.js";

/** Bytes of all outputs of one answer. */
const MOST_OUTPUT_BYTES = 2 ** 28;

/** Serves one socket until `close` or its end. */
export function serve(started) {
  watch();
  const socket = new WebSocket(started.socket);
  const state = { started, model: null };
  let turn = Promise.resolve();
  socket.onmessage = ({ data }) => {
    turn = turn.then(async () => {
      const { answer, closed } = await answered(state, data);
      socket.send(JSON.stringify(answer));
      if (closed) socket.close(1000, "closed");
    });
  };
  socket.onclose = () => self.close();
}

async function answered(state, line) {
  let request = null, result, closed = false;
  try {
    request = JSON.parse(line);
    if (typeof request?.command !== "string") throw new AgentError("BadRequest", "a request is an object with a command");
    if (request.protocol !== PROTOCOL) {
      throw new AgentError("ProtocolMismatch", `the agent uses protocol ${PROTOCOL}, the request ${request.protocol}`);
    }
    closed = request.command === "close";
    result = { ok: true, ...(closed ? {} : await done(state, request)) };
  } catch (error) {
    const kind = error instanceof AgentError ? error.kind : "RuntimeFailed";
    result = { ok: false, error: { type: kind, message: wordsOf(error, kind) } };
    say(state, "failed", { why: result.error.message });
  }
  return { answer: { protocol: PROTOCOL, id: request?.id ?? null, ...result }, closed };
}

/** Tells the page, and so the person in front of it, how far a file is. */
function say({ file }, stage, more = {}) {
  if (file) self.postMessage({ stage, file, ...more });
}

function wordsOf(error, kind) {
  const words = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError && /alloc|memory|length/i.test(words)) return `out of memory: ${words}`;
  return kind === "RuntimeFailed" ? `${error?.name ?? "Error"}: ${words}` : words;
}

async function done(state, request) {
  const { command } = request;
  if (command === "describe") return described(state.started);
  if (command === "load") return loaded(state, request);
  if (!["run", "bench", "locate", "profile"].includes(command)) throw new AgentError("BadRequest", `unknown command '${command}'`);
  if (!state.model) throw new AgentError("NotLoaded", `${command} before load`);
  if (command === "profile") throw new AgentError("NoProfile", `${state.started.runtime} does not tell what single operators take`);
  if (command === "locate") return { delegate: await state.model.delegate() };
  if (command === "bench") {
    say(state, "timing");
    const told = await bench(state.model, request, (figures) => say(state, "timed", figures));
    const least = await state.module.open(state.asked.probe, state.asked);
    const dispatch_ns = await dispatch(least);
    await least.close();
    return { ...told, dispatch_ns, accelerated: state.started.backend !== "wasm" };
  }
  say(state, "checking");
  const outputs = await run(state.model, request.inputs.map(decode));
  const bytes = outputs.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > MOST_OUTPUT_BYTES) throw new AgentError("RuntimeFailed", `outputs of ${bytes} bytes are more than an answer may have`);
  return { outputs: outputs.map(encode) };
}

async function described({ runtime, versions, fingerprint, about }) {
  return {
    ...about,
    fingerprint,
    runtime,
    runtime_version: versions[runtime] ?? null,
    runtimes: versions,
    cores: self.navigator.hardwareConcurrency ?? null,
    secure: self.isSecureContext,
    isolated: self.crossOriginIsolated === true,
    clock_resolution_ns: Math.round(clockResolution() * 1e6),
    webgpu: await adapterOf().catch(() => null),
    webnn: "ml" in self.navigator,
  };
}

async function loaded(state, request) {
  const { started } = state;
  await state.model?.close();
  state.file = request.path;
  say(state, "loading");
  state.model = null; // Frees the file before, so that two never share the memory.
  const threads = Number(request.threads ?? 1);
  if (!(threads >= 1)) throw new AgentError("BadRequest", `${threads} threads: give at least 1`);
  if (threads > 1 && !self.crossOriginIsolated) {
    throw new AgentError("NoThreads", "this page has no threads: it is not cross-origin isolated, for which it must be served by https or from localhost");
  }
  if (state.threads !== undefined && state.threads !== threads) {
    throw new AgentError("CannotLoad", `${started.runtime} keeps the number of threads that it was started with: start another agent`);
  }
  const { backend, webnn_device: processor, software } = started;
  if (backend === "webgpu") await requireHardware(software);
  const context = backend === "webnn" ? await requireWebnn(processor, software) : null;
  const module = await import(MODULES[started.runtime]);
  const bytes = await fetched(started, request.path);
  const sha256 = request.digest ? await digestOf(bytes) : "";
  const asked = { threads, backend, processor, context, base: started.base, plain: Boolean(request.plain_kernels) };
  asked.probe = await fetched(started, started.probe);
  let before = 0;
  try {
    await module.prepare(asked);
    state.threads = threads;
    before = memoryBytes();
    state.model = await module.open(bytes, asked);
    Object.assign(state, { module, asked });
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError("CannotLoad", `${started.runtime} cannot load the file: ${wordsOf(error, "")}`);
  }
  const { model } = state;
  const there = await model.delegate();
  if (there.threads_there !== undefined && there.threads_there !== threads) {
    throw new AgentError("CannotLoad", `${started.runtime} runs with ${there.threads_there} threads in place of ${threads}`);
  }
  if (request.batch !== undefined) fixBatch(model, Number(request.batch));
  if (request.shapes) fixShapes(model, request.shapes);
  return {
    runtime: started.runtime,
    runtime_version: started.versions[started.runtime] ?? null,
    api: model.api,
    inputs: model.inputs,
    outputs: model.outputs,
    load_ns: model.load_ns,
    memory_before_bytes: before,
    threads,
    batch: model.batch,
    delegate: there,
    locate: true,
    sha256,
  };
}

async function fetched(started, path) {
  if (!/^[0-9a-f]{64}$/.test(path)) throw new AgentError("CannotLoad", `no such file on the device: ${path}`);
  const response = await fetch(`${started.files}${path}`);
  if (!response.ok) throw new AgentError("CannotLoad", `no such file on the device: ${path}`);
  return new Uint8Array(await response.arrayBuffer());
}

// Browsers have SHA-256 on https and localhost alone; elsewhere nothing is told.
async function digestOf(bytes) {
  if (!self.crypto?.subtle) return "";
  const digest = new Uint8Array(await self.crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fixBatch(model, batch) {
  const open = model.batched && model.inputs.every((tensor) => tensor.shape[0] === null);
  if (!open && !(model.batched && model.batch === batch)) {
    throw new AgentError("FixedBatch", `input ${model.inputs[0].name} takes no batch of ${batch}: it is fixed at ${model.batch}`);
  }
  model.batch = batch;
}

function fixShapes(model, shapes) {
  shapes.forEach((shape, place) => {
    const tensor = model.inputs[place], own = tensor?.shape ?? [];
    if (own.length !== shape.length || own.some((side, at) => side !== null && side !== shape[at])) {
      throw new AgentError("FixedShape", `input ${tensor?.name} takes ${own.map((s) => s ?? "?").join("x")}, not ${shape.join("x")}`);
    }
    tensor.shape = shape;
  });
  if (model.batched) model.batch = model.inputs[0].shape[0];
}
