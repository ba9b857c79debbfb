// What a runtime takes in this worker, as far as a page can tell: WebAssembly memories, threads.

const memories = new Set();
let helpers = 0;

/** Notes every memory of WebAssembly, and every worker that is started; called before a runtime is loaded. */
export function watch() {
  const Plain = self.Worker;
  if (Plain) {
    self.Worker = class extends Plain {
      constructor(...given) {
        super(...given);
        helpers += 1;
      }
    };
  }
  const noted = (found) => {
    if (found instanceof WebAssembly.Memory) memories.add(found);
  };
  const seen = (imports, instance) => {
    for (const group of Object.values(imports ?? {})) Object.values(group ?? {}).forEach(noted);
    Object.values(instance?.exports ?? {}).forEach(noted);
  };
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const plain = WebAssembly[name]?.bind(WebAssembly);
    if (!plain) continue;
    WebAssembly[name] = async (source, imports) => {
      const made = await plain(source, imports);
      seen(imports, made.instance ?? made);
      return made;
    };
  }
}

/** Bytes of all of them; a WebAssembly memory never shrinks, so this is their peak. */
export function memoryBytes() {
  let bytes = 0;
  for (const memory of memories) bytes += memory.buffer.byteLength;
  return bytes;
}

/** Threads that compute: this one, and the workers that a runtime has started beside it. */
export function threadsThere() {
  return 1 + helpers;
}
