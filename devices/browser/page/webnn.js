// WebNN: a context of the browser's own, and what it tells of the processor behind it.

import { AgentError } from "./common.js";

/** Seconds for a browser to make a context: a service of it that hangs must not keep the agent. */
const CONTEXT_SECONDS = 30;

let made = null;

/** Makes the context, once per worker; refuses where there is none, or another processor than the one asked for. */
export async function requireWebnn(processor, software) {
  if (!self.navigator.ml) {
    const secure = self.isSecureContext ? "this browser has none" : "browsers have it on https and localhost alone";
    throw new AgentError("NotOnGpu", `no WebNN: ${secure}`);
  }
  try {
    made = made ?? (await inTime(self.navigator.ml.createContext({ deviceType: processor, accelerated: processor !== "cpu" })));
  } catch (error) {
    throw new AgentError("NotOnGpu", `no WebNN on ${processor}: the browser says ${error?.message ?? error}`);
  }
  if (processor !== "cpu" && made.accelerated === false && !software) {
    throw new AgentError("NotOnGpu", `the browser computes WebNN on the processor in place of ${processor}; the device's option webnn_device = cpu asks for that, and software = true accepts it`);
  }
  return made;
}

/** Where a runtime on WebNN runs a file; browsers need not obey, and older ones do not tell. */
export function delegateOf(processor) {
  const told = made?.accelerated ?? null;
  const name = told === false ? "WebNN cpu" : `WebNN ${processor}${told === null ? ", as asked" : ""}`;
  return { name, backend: "webnn", asked: processor, accelerated: told, precision: "f32" };
}

function inTime(promise) {
  const late = new Promise((_, refuse) => setTimeout(() => refuse(new Error(`nothing for ${CONTEXT_SECONDS} s`)), CONTEXT_SECONDS * 1e3));
  return Promise.race([promise, late]);
}
