// One file for a page of the server's own: it is opened, and gives outputs for raw examples.

import { AgentError, MODULES } from "./common.js";
import { run } from "./running.js";

let model = null;

/** The answer to a message: `{open: {runtime, bytes}}`, or `{run: [{dtype, shape, data}, …]}`. */
export async function answered({ open, run: arrays }) {
  if (open) {
    await model?.close();
    model = null;
    if (!(open.runtime in MODULES)) throw new AgentError("BadRequest", `no runtime here is called ${open.runtime}`);
    const module = await import(MODULES[open.runtime]);
    const base = new URL(`runtime/${open.runtime}/`, self.location.href).href;
    const asked = { threads: 1, backend: "wasm", base, plain: false };
    await module.prepare(asked);
    model = await module.open(new Uint8Array(open.bytes), asked);
    return {};
  }
  if (!model) throw new AgentError("NotLoaded", "no file is open");
  return { outputs: await run(model, arrays) };
}
