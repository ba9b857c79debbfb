// A classic worker, since the runtimes load their WebAssembly by importScripts; the rest are modules.

const module = import("./answering.js");
let turn = Promise.resolve();

self.onmessage = ({ data }) => {
  turn = turn.then(async () => {
    try {
      const result = await (await module).answered(data);
      self.postMessage({ id: data.id, ok: true, ...result }, result.outputs?.map(({ data }) => data.buffer) ?? []);
    } catch (error) {
      self.postMessage({ id: data.id, ok: false, why: String(error?.message ?? error) });
    }
  });
};
