// Arrays of requests and answers, and the integers that files compute in.

import { AgentError } from "./common.js";

const TYPES = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array,
  int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  int64: BigInt64Array, uint64: BigUint64Array, bool: Uint8Array,
};
const LIMITS = { int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767], uint16: [0, 65535] };

/** The typed array of a type of numbers. */
export function typeOf(dtype) {
  const type = TYPES[dtype];
  if (!type) throw new AgentError("BadInput", `this browser has no arrays of ${dtype}`);
  return type;
}

/** How many numbers a shape holds. */
export function sizeOf(shape) {
  return shape.reduce((size, side) => size * side, 1);
}

/** An array out of a request: {dtype, shape, data}. */
export function decode(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  const data = new (typeOf(packed.dtype))(bytes.buffer);
  if (data.length !== sizeOf(packed.shape)) throw new AgentError("BadRequest", "not an array: its size");
  return { dtype: packed.dtype, shape: packed.shape, data };
}

/** Bytes as base64. */
export function base64(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    parts.push(String.fromCharCode.apply(null, bytes.subarray(at, at + 0x8000)));
  }
  return btoa(parts.join(""));
}

/** An array for an answer. */
export function encode({ dtype, shape, data }) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype, shape, data: base64(bytes) };
}

/** Raw examples in the numbers that a file's input takes; numpy's `astype` for those without a scale. */
export function converted(values, tensor) {
  const Type = typeOf(tensor.dtype);
  if (values.data instanceof Type && tensor.scale === null) return values.data;
  const big = Type === BigInt64Array || Type === BigUint64Array;
  const made = new Type(values.data.length);
  const limits = tensor.scale === null ? null : LIMITS[tensor.dtype];
  for (let at = 0; at < made.length; at++) {
    const value = values.data[at];
    if (limits) {
      const step = rounded(Math.fround(Math.fround(Number(value)) / Math.fround(tensor.scale))) + tensor.zero_point;
      if (Number.isNaN(step)) throw new AgentError("BadInput", `input ${tensor.name} holds NaN, which has no integer`);
      made[at] = Math.min(limits[1], Math.max(limits[0], step));
    } else if (tensor.dtype === "bool") made[at] = value ? 1 : 0;
    else made[at] = big ? BigInt(Math.trunc(Number(value))) : Number(value);
  }
  return made;
}

// Halves go to the even neighbour, as numpy's rint does.
function rounded(value) {
  const down = Math.floor(value), rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** A file's output in real numbers; outputs without a scale stay as they are. */
export function realNumbers(output, tensor) {
  if (tensor.scale === null || output.data instanceof Float32Array) return output;
  const made = new Float32Array(output.data.length);
  for (let at = 0; at < made.length; at++) made[at] = (output.data[at] - tensor.zero_point) * tensor.scale;
  return { dtype: "float32", shape: output.shape, data: made };
}
