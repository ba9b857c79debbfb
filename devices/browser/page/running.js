// A loaded file on raw examples, on seeded numbers, and on one batch after the other.

import { converted, realNumbers, sizeOf, typeOf } from "./arrays.js";
import { AgentError } from "./common.js";

/** Raw examples as the file's inputs, or the reason why they do not fit. */
export function prepare(model, arrays) {
  if (arrays.length !== model.inputs.length) {
    throw new AgentError("BadInput", `${arrays.length} arrays for ${model.inputs.length} inputs`);
  }
  return arrays.map((values, place) => {
    const tensor = model.inputs[place];
    const sides = model.batched ? tensor.shape.slice(1) : tensor.shape;
    const own = values.shape.slice(1);
    const fits = own.length === sides.length && values.shape[0] === arrays[0].shape[0] && values.shape[0] > 0
      && sides.every((side, at) => side === null || side === own[at]);
    if (!fits) {
      const words = (list) => list.map((side) => (side === null ? "?" : side)).join("x");
      throw new AgentError("BadInput", `input ${tensor.name} takes ${words(["N", ...sides])}, but ${words(values.shape)} came`);
    }
    return { shape: values.shape, data: converted(values, tensor) };
  });
}

/** Writes the examples from `start` on, one batch; how many of them are real. */
export function fill(model, ready, start) {
  const count = ready[0].shape[0];
  const real = model.batched ? Math.min(model.batch, count - start) : 1;
  model.write(ready.map(({ shape, data }) => {
    const each = sizeOf(shape.slice(1));
    if (!model.batched) return { shape: shape.slice(1), data: data.slice(start * each, (start + 1) * each) };
    const chunk = new data.constructor(model.batch * each);
    for (let at = 0; at < model.batch; at++) {
      const from = (start + Math.min(at, real - 1)) * each;
      chunk.set(data.subarray(from, from + each), at * each);
    }
    return { shape: [model.batch, ...shape.slice(1)], data: chunk };
  }));
  return real;
}

/** The outputs for raw examples, as real numbers. */
export async function run(model, arrays) {
  const ready = prepare(model, arrays);
  const count = ready[0].shape[0];
  const found = model.outputs.map(() => []);
  for (let start = 0; start < count; start += model.batch) {
    const real = fill(model, ready, start);
    await model.invoke();
    model.read().forEach((output, place) => {
      let { shape } = output;
      if (!model.batched || shape[0] !== model.batch) {
        if (model.batch !== 1) throw new AgentError("BadInput", "an output has another batch than the input");
        shape = [1, ...shape];
      }
      const each = sizeOf(shape.slice(1));
      found[place].push({ dtype: output.dtype, sides: shape.slice(1), data: output.data.slice(0, real * each) });
    });
  }
  return found.map((parts, place) => {
    const data = new (typeOf(parts[0].dtype))(parts.reduce((size, part) => size + part.data.length, 0));
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.length;
    }
    return realNumbers({ dtype: parts[0].dtype, shape: [count, ...parts[0].sides], data }, model.outputs[place]);
  });
}

/** One call: the whole range of quantized inputs, `low` to `high` for real ones. */
export function seededInputs(model, seed, low, high, limits) {
  const random = mulberry32(seed);
  return model.inputs.map((tensor, place) => {
    const shape = tensor.shape.map((side, at) => (at === 0 && side === null ? model.batch : side));
    if (shape.includes(null)) throw new AgentError("BadInput", `input ${tensor.name} has a free size: send inputs`);
    const data = new (typeOf(tensor.dtype))(sizeOf(shape));
    const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
    const indices = limits[place] ?? null;
    const real = tensor.dtype.startsWith("float");
    for (let at = 0; at < data.length; at++) {
      let value = 0; // Integers without a scale (token ids, say) become zeros, which are always valid.
      if (indices !== null) value = Math.floor(random() * indices);
      else if (tensor.dtype === "bool") value = random() < 0.5 ? 0 : 1;
      else if (real) value = low + random() * (high - low);
      else if (tensor.scale !== null) value = Math.floor(random() * 256) - (tensor.dtype === "int8" ? 128 : 0);
      data[at] = big ? BigInt(value) : value;
    }
    return { shape, data };
  });
}

function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}
