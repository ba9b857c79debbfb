// LiteRT.js: one compiled model, on WebAssembly (XNNPACK), WebGPU or WebNN.

import { AgentError, now } from "./common.js";
import { memoryBytes } from "./memory.js";
import { interfaceOf } from "./tflite_file.js";
import * as webgpu from "./webgpu.js";
import * as webnn from "./webnn.js";

let litert = null;
/** What it wrote as errors on the console: a run that fails tells nothing else, and gives what lies in memory. */
const errors = [];

function listen() {
  const write = console.error;
  console.error = (...words) => {
    const [, told] = /^ERROR: (.*)/s.exec(words.join(" ")) ?? [];
    if (told !== undefined) errors.push(told.trim());
    write(...words);
  };
}

/** The errors in a line: those that name an operator, rather than the place in the runtime's source. */
function toldErrors() {
  const own = errors.filter((line) => !line.startsWith("["));
  return (own.length ? own : errors).join(" ");
}

/** Loads the runtime for a number of threads; once per worker. */
async function start(base, threads, backend) {
  listen();
  const files = `${base}wasm/`;
  const flavour = threads > 1 ? { threads: true } : backend !== "wasm" && "Suspending" in WebAssembly ? { jspi: true } : {};
  const script = threads > 1 ? "litert_wasm_threaded_internal.js" : "";
  self.Module = { locateFile: (name) => files + name, ...(script ? { mainScriptUrlOrBlob: files + script } : {}) };
  const module = await import(`${base}dist/index.js`);
  const said = [], warn = console.warn;
  console.warn = (...words) => { said.push(words.join(" ")); warn(...words); };
  const runtime = await module.loadLiteRt(files, flavour);
  return { module, runtime, said };
}

/** Starts the runtime, once per worker. */
export async function prepare({ threads, backend, base }) {
  litert = litert ?? (await start(base, threads, backend));
}

/** Opens a file; `bytes` is a Uint8Array. */
export async function open(bytes, { threads, backend, processor }) {
  const { module, said } = litert;
  said.length = errors.length = 0;
  const began = now();
  const model = await module.loadAndCompile(bytes, {
    accelerator: backend,
    cpuOptions: { numThreads: threads },
    gpuOptions: { precision: "fp32" },
    webNNOptions: { devicePreference: processor, precision: "fp32" },
  }).catch((error) => {
    throw errors.length ? new AgentError("CannotLoad", `LiteRT.js cannot load the file: ${toldErrors()}`) : error;
  });
  const took = now() - began;
  const ran = model.options.accelerator;
  if (ran !== backend) {
    model.delete();
    throw new AgentError("NotOnGpu", `LiteRT.js compiled the file for ${ran} in place of ${backend}: ${said.join(" ") || "it has operators that are lacking there"}`);
  }
  if (backend !== "wasm" && !model.isFullyAccelerated) {
    model.delete();
    throw new AgentError("NotOnGpu", `LiteRT.js leaves operators of the file to the processor, since ${backend} lacks them`);
  }
  return new LiteRtModel(module, model, took, { backend, processor, file: interfaceOf(bytes) });
}

class LiteRtModel {
  constructor(module, model, took, { backend, processor, file }) {
    this.api = backend === "wasm" ? "CompiledModel.run and Tensor.data" : "CompiledModel.run and Tensor.data, read back";
    this.module = module;
    this.model = model;
    this.backend = backend;
    this.processor = processor;
    this.load_ns = Math.max(1, Math.round(took * 1e6));
    // The file's order, and where the signature that is run has each of them.
    this.inputs = file.inputs;
    this.outputs = file.outputs;
    this.inputPlaces = placesOf(file.inputs, file.signature?.inputs, model.getInputDetails());
    this.outputPlaces = placesOf(file.outputs, file.signature?.outputs, model.getOutputDetails());
    this.tensors = [];
    this.results = [];
    const firsts = new Set(this.inputs.map((tensor) => tensor.shape[0] ?? 0));
    this.batched = firsts.size === 1 && !firsts.has(0);
    this.batch = this.batched ? this.inputs[0].shape[0] : 1;
  }

  async delegate() {
    if (this.backend === "wasm") return { name: "wasm XNNPACK", backend: "wasm", threads_there: litert.runtime.liteRtWasm.getThreadCount() };
    return this.backend === "webnn" ? webnn.delegateOf(this.processor) : webgpu.delegateOf();
  }

  write(arrays) {
    for (const tensor of this.tensors) tensor.delete();
    this.tensors = [];
    arrays.forEach(({ shape, data }, place) => {
      this.tensors[this.inputPlaces[place]] = new this.module.Tensor(data, shape);
    });
  }

  /** Runs the file and reads all of its outputs: without that a GPU may still be at work. */
  async invoke() {
    errors.length = 0;
    const outputs = await this.model.run(this.tensors);
    const read = [];
    for (const output of outputs) {
      read.push(await output.data());
      output.delete();
    }
    if (errors.length) throw new AgentError("CannotRun", `LiteRT.js cannot run the file: ${toldErrors()}`);
    this.results = read;
  }

  read() {
    return this.outputs.map(({ dtype, shape }, place) => ({ dtype, shape, data: this.results[this.outputPlaces[place]] }));
  }

  memory() {
    return memoryBytes();
  }

  close() {
    for (const tensor of this.tensors) tensor.delete();
    this.tensors = [];
    this.model.delete();
  }
}

/** The place of each tensor in the list of the signature; without one LiteRT.js keeps the file's order. */
function placesOf(tensors, signature, details) {
  if (details.length !== tensors.length) {
    throw new AgentError("CannotLoad", `the file's first signature has ${details.length} tensors where its graph has ${tensors.length}`);
  }
  return tensors.map(({ index }, at) => {
    const place = details.findIndex(({ name }) => signature?.get(name) === index);
    return place < 0 ? at : place;
  });
}
