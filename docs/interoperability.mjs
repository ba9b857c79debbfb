// Runs an ONNX file in onnxruntime-web (WebAssembly) on inputs from a file.
//
//   node interoperability.mjs MODULES MODEL INPUTS OUTPUTS
//
// MODULES is a folder with node_modules; INPUTS and OUTPUTS are raw little-endian float32 or int32,
// one example after another. Prints one JSON object: the version, or why the model does not run.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, model, inputs, outputs] = process.argv.slice(2);
const load = createRequire(join(modules, "package.json"));
const ort = load("onnxruntime-web");
const { version } = JSON.parse(
  readFileSync(join(modules, "node_modules", "onnxruntime-web", "package.json")),
);
const ARRAYS = { float32: Float32Array, int32: Int32Array };

async function run() {
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(readFileSync(model), {
    executionProviders: ["wasm"],
  });
  const input = session.inputMetadata[0];
  const shape = input.shape.map((side) => (typeof side === "number" ? side : 1));
  const size = shape.reduce((product, side) => product * side, 1);
  const bytes = readFileSync(inputs);
  const values = new ARRAYS[input.type](bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const found = [];
  for (let start = 0; start < values.length; start += size) {
    const tensor = new ort.Tensor(input.type, values.slice(start, start + size), shape);
    const answer = await session.run({ [input.name]: tensor });
    found.push(Buffer.from(new Uint8Array(answer[session.outputNames[0]].data.slice().buffer)));
  }
  writeFileSync(outputs, Buffer.concat(found));
}

try {
  await run();
  console.log(JSON.stringify({ version }));
} catch (error) {
  console.log(JSON.stringify({ version, error: String(error.message ?? error) }));
}
process.exit(0);
