// What all modules of the agent share: its runtimes, its error and its clock.

export const PROTOCOL = 1;

/** The module of each runtime, beside this one. */
export const MODULES = { "litert-js": "./litert_js.js", "onnxruntime-web": "./onnxruntime_web.js" };

/** A failure with a name that the other side knows. */
export class AgentError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Milliseconds, as fine as the browser tells them. */
export const now = () => performance.now();

/** The resolution of that clock in milliseconds: the least by which two readings differ. */
export function clockResolution() {
  let least = Infinity;
  for (let tick = 0; tick < 12; tick++) {
    const began = now();
    let next = began;
    while (next === began) next = now();
    least = Math.min(least, next - began);
  }
  return least;
}
