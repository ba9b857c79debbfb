// The GPU's adapter: who computes, and whether that is a GPU at all.

import { AgentError } from "./common.js";

/** What the browser tells of the adapter. */
export async function adapterOf() {
  const adapter = await self.navigator.gpu?.requestAdapter();
  if (!adapter) return null;
  const info = adapter.info ?? {};
  const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(" ") || "unnamed";
  const software = Boolean(info.isFallbackAdapter ?? adapter.isFallbackAdapter) || /swiftshader|llvmpipe|software/i.test(name);
  return { name: software ? `${name}, software` : name, software };
}

/** Where a runtime on WebGPU runs a file. */
export async function delegateOf() {
  const adapter = await adapterOf();
  return { name: `WebGPU ${adapter.name}`, backend: "webgpu", adapter, precision: "f32" };
}

/** Refuses where there is no WebGPU, or where the processor imitates the GPU and nobody asked for that. */
export async function requireHardware(software) {
  if (!self.navigator.gpu) {
    const secure = self.isSecureContext ? "this browser has none here" : "browsers have it on https and localhost alone";
    throw new AgentError("NotOnGpu", `no WebGPU: ${secure}`);
  }
  const adapter = await adapterOf();
  if (!adapter) throw new AgentError("NotOnGpu", "no WebGPU: the browser finds no adapter");
  if (adapter.software && !software) {
    throw new AgentError("NotOnGpu", `the processor imitates the GPU (${adapter.name}), so its times say nothing of one; the device's option software = true accepts it`);
  }
}
