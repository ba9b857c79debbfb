// The WebAssembly memories of this worker: what a runtime holds, as far as a page can tell.

const memories = new Set();

/** Notes every memory that WebAssembly is given or gives; called before a runtime is loaded. */
export function watchMemory() {
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
