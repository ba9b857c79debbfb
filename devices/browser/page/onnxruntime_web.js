// onnxruntime-web: one session, on WebAssembly, WebGPU or WebNN.

import { AgentError, now } from "./common.js";
import { memoryBytes, threadsThere } from "./memory.js";
import * as webgpu from "./webgpu.js";
import * as webnn from "./webnn.js";

let ort = null;

async function start(base, threads, backend) {
  // WebGPU and WebNN are in another build, which WebAssembly alone should not have to load.
  const module = await import(`${base}dist/${backend === "wasm" ? "ort.wasm.min.mjs" : "ort.webgpu.min.mjs"}`);
  module.env.logLevel = "warning";
  module.env.wasm.numThreads = threads;
  module.env.wasm.wasmPaths = `${base}dist/`;
  return module;
}

/** Starts the runtime, once per worker; where times count, by a file of one layer, since it starts with the first session. */
export async function prepare(asked) {
  if (ort) return;
  ort = await start(asked.base, asked.threads, asked.backend);
  if (!asked.probe) return;
  const first = await open(asked.probe, { ...asked, plain: false });
  await first.close();
}

/** Opens a file; `bytes` is a Uint8Array. */
export async function open(bytes, { backend, processor, context, plain }) {
  const began = now();
  let session;
  try {
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: [backend === "webnn" ? { name: backend, deviceType: processor, context } : backend],
      graphOptimizationLevel: plain ? "disabled" : "all",
      executionMode: "sequential",
      // Without this, what the backend lacks runs on the processor, unsaid.
      ...(backend !== "wasm" ? { extra: { session: { disable_cpu_ep_fallback: "1" } } } : {}),
    });
  } catch (error) {
    if (!/fallback to CPU EP/i.test(String(error?.message))) throw error;
    throw new AgentError("NotOnGpu", `onnxruntime-web leaves operators of the file to the processor, since ${backend} lacks them`);
  }
  const took = now() - began;
  return new OnnxModel(session, took, { backend, processor });
}

class OnnxModel {
  constructor(session, took, { backend, processor }) {
    this.api = backend === "wasm" ? "InferenceSession.run" : "InferenceSession.run, read back";
    this.session = session;
    this.backend = backend;
    this.processor = processor;
    this.load_ns = Math.max(1, Math.round(took * 1e6));
    this.inputs = session.inputMetadata.map(tensorOf);
    this.outputs = session.outputMetadata.map(tensorOf);
    this.feeds = {};
    this.results = null;
    const firsts = new Set(this.inputs.map((tensor) => (tensor.shape.length ? tensor.shape[0] : 0)));
    this.batched = firsts.size === 1 && !firsts.has(0);
    this.batch = this.batched ? (this.inputs[0].shape[0] ?? 1) : 1;
  }

  async delegate() {
    if (this.backend === "wasm") return { name: "wasm", backend: "wasm", threads_there: threadsThere() };
    return this.backend === "webnn" ? webnn.delegateOf(this.processor) : webgpu.delegateOf();
  }

  write(arrays) {
    this.feeds = {};
    arrays.forEach(({ shape, data }, place) => {
      const { name, dtype } = this.inputs[place];
      this.feeds[name] = new ort.Tensor(dtype, data, shape);
    });
  }

  /** Runs the file; its outputs are copied into JavaScript's arrays, so a GPU is waited for. */
  async invoke() {
    this.results = await this.session.run(this.feeds);
  }

  read() {
    return this.outputs.map(({ name }) => {
      const tensor = this.results[name];
      return { dtype: tensor.type, shape: Array.from(tensor.dims), data: tensor.data };
    });
  }

  memory() {
    return memoryBytes();
  }

  async close() {
    await this.session.release();
  }
}

function tensorOf(told) {
  const shape = (told.shape ?? []).map((side) => (typeof side === "number" && side > 0 ? side : null));
  return { name: told.name, shape, dtype: told.type, scale: null, zero_point: null };
}
