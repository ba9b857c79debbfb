// A classic worker, since the runtimes load their WebAssembly by importScripts; the rest are modules.

self.onmessage = async ({ data }) => {
  self.onmessage = null;
  try {
    (await import("./agent.js")).serve(data);
  } catch (error) {
    self.postMessage({ failed: String(error?.message ?? error) });
  }
};
