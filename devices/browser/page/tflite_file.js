// What a TFLite file says of its inputs and outputs, which LiteRT.js does not tell: their scales.

const TYPES = { 0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float64", 15: "uint32", 16: "uint16" };

/** Inputs and outputs of the first graph in the file's order, and the same of its first signature. */
export function interfaceOf(bytes) {
  const file = new Reader(bytes);
  const model = file.root();
  const graph = file.tables(model, 2)[0];
  const tensors = file.tables(graph, 0);
  const told = (index) => ({ index, ...tensorOf(file, tensors[index]) });
  const signature = file.tables(model, 7)[0];
  const mapped = (field) => (signature === undefined ? null : file.tables(signature, field).map((row) => file.scalar(row, 1, "Uint32", 0)));
  const named = (field) => (signature === undefined ? null : file.tables(signature, field).map((row) => file.text(row, 0)));
  return {
    inputs: file.numbers(graph, 1, "Int32").map(told),
    outputs: file.numbers(graph, 2, "Int32").map(told),
    signature: signature === undefined ? null : {
      inputs: new Map(named(0).map((name, at) => [name, mapped(0)[at]])),
      outputs: new Map(named(1).map((name, at) => [name, mapped(1)[at]])),
    },
  };
}

function tensorOf(file, tensor) {
  const quantization = file.table(tensor, 4);
  const scales = quantization === 0 ? [] : file.numbers(quantization, 2, "Float32");
  const zeros = quantization === 0 ? [] : file.numbers(quantization, 3, "BigInt64");
  const dtype = TYPES[file.scalar(tensor, 1, "Int8", 0)] ?? "unknown";
  const whole = scales.length === 1 && dtype.includes("int");
  return {
    name: file.text(tensor, 3),
    shape: file.numbers(tensor, 0, "Int32"),
    dtype,
    scale: whole ? scales[0] : null,
    zero_point: whole ? Number(zeros[0] ?? 0) : null,
  };
}

/** A FlatBuffer: tables by the offset of their start; reading past the end raises a RangeError. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  root() {
    return this.view.getUint32(0, true);
  }

  place(table, field) {
    const vtable = table - this.view.getInt32(table, true);
    const at = 4 + 2 * field;
    const offset = at < this.view.getUint16(vtable, true) ? this.view.getUint16(vtable + at, true) : 0;
    return offset === 0 ? 0 : table + offset;
  }

  scalar(table, field, type, otherwise) {
    const place = this.place(table, field);
    return place === 0 ? otherwise : this.view[`get${type}`](place, true);
  }

  table(table, field) {
    const place = this.place(table, field);
    return place === 0 ? 0 : place + this.view.getUint32(place, true);
  }

  tables(table, field) {
    const vector = this.table(table, field);
    if (vector === 0) return [];
    return Array.from({ length: this.view.getUint32(vector, true) }, (_, at) => {
      const place = vector + 4 + 4 * at;
      return place + this.view.getUint32(place, true);
    });
  }

  numbers(table, field, type) {
    const vector = this.table(table, field);
    if (vector === 0) return [];
    const size = type === "BigInt64" ? 8 : 4;
    return Array.from({ length: this.view.getUint32(vector, true) }, (_, at) => this.view[`get${type}`](vector + 4 + size * at, true));
  }

  text(table, field) {
    const vector = this.table(table, field);
    if (vector === 0) return "";
    const length = this.view.getUint32(vector, true);
    return new TextDecoder().decode(this.bytes.slice(vector + 4, vector + 4 + length));
  }
}
