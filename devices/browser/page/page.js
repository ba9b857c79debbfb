// The page: keeps a control socket open, starts a worker for each agent, and tells what goes on.

import { watchPower } from "./power.js";
import { advanced, failed, planned } from "./work.js";

const here = new URL("./", location.href);
const sockets = new URL("./", here);
sockets.protocol = here.protocol === "https:" ? "wss:" : "ws:";
const workers = new Map();
const RETRY_MS = 2000;
/** Code of a socket that the server ends since the same browser has joined again. */
const REPLACED = 4001;
let done = 0;
const say = (text) => { document.getElementById("state").textContent = text; };

async function hello(name) {
  const agent = navigator.userAgentData;
  const more = await agent?.getHighEntropyValues?.(["fullVersionList", "model", "platformVersion"]).catch(() => null);
  return {
    hello: {
      user_agent: navigator.userAgent.slice(0, 400),
      brands: (more?.fullVersionList ?? agent?.brands ?? []).map(({ brand, version }) => `${brand} ${version}`.slice(0, 100)).slice(0, 8),
      platform: [agent?.platform ?? navigator.platform, more?.platformVersion].filter(Boolean).join(" ").slice(0, 100),
      model: String(more?.model ?? "").slice(0, 100),
      cores: navigator.hardwareConcurrency ?? null,
      memory_gb: navigator.deviceMemory ?? null,
      secure: window.isSecureContext,
      isolated: window.crossOriginIsolated === true,
      visible: document.visibilityState === "visible",
      missing: window.zooMissing,
      name,
      identity: name ? identity() : "",
    },
  };
}

/** Random letters that this browser keeps, so that its measurements are told from another's. */
function identity() {
  let found = localStorage.getItem("zoo-identity");
  if (!/^[0-9a-f]{32}$/.test(found ?? "")) {
    found = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem("zoo-identity", found);
  }
  return found;
}

let control = null, power = null, welcomed = false;
// The first message is what this browser is.
const send = (message) => {
  if (control?.readyState === WebSocket.OPEN && (welcomed || message.hello)) control.send(JSON.stringify(message));
};

function connect(name) {
  const socket = control = new WebSocket(new URL("control", sockets));
  welcomed = false;
  socket.onopen = async () => send(await hello(name));
  socket.onmessage = ({ data }) => {
    const { start, end: ended, plan, welcome } = JSON.parse(data);
    if (welcome) {
      welcomed = true;
      greet(welcome);
      if (power) send({ power });
    }
    if (plan) planned(plan);
    if (start) begin(start);
    if (ended !== undefined) end(ended);
  };
  socket.onclose = ({ code }) => {
    for (const number of [...workers.keys()]) end(number);
    if (code === REPLACED) {
      say("this browser has joined again in another tab, which is the device now: reload this page to use it in place of that one");
      return;
    }
    if (!name) say("the connection is closed: reload this page to connect again");
    else if (!welcomed) say("the machine that asked does not answer; trying again");
    else say("the connection was lost; trying again");
    // By the name that it was given, which may have a number.
    if (name) setTimeout(connect, RETRY_MS, sessionStorage.getItem("zoo-joined") ?? name);
  };
}

watchPower((told) => {
  power = told;
  send({ power });
}, () => !workers.size);

function greet({ name, machine }) {
  idle();
  if (!name) return;
  sessionStorage.setItem("zoo-joined", name);
  localStorage.setItem("zoo-name", name);
  document.getElementById("join").hidden = true;
  document.getElementById("joined").hidden = false;
  document.getElementById("name").textContent = name;
  document.getElementById("machine").textContent = machine;
  document.getElementById("context").textContent = window.isSecureContext
    ? "This page is secure: threads, WebGPU and a fine clock are there as far as the browser has them."
    : "This page came without encryption: one thread, no WebGPU, a coarse clock.";
  keepAwake();
}

function idle() {
  if (control?.readyState === WebSocket.OPEN) say(`connected: waiting for a file${done ? ` (${done} done)` : ""}`);
}

// Browsers let go of it when the page is hidden; plain http has none.
async function keepAwake() {
  let held = null;
  try {
    held = await navigator.wakeLock?.request("screen");
  } catch {
    // A battery that is nearly empty, say.
  }
  document.getElementById("awake").textContent = held
    ? "The screen stays on while this page is in view."
    : "This browser does not keep the screen on here: touch it now and then, or let it never sleep (display settings).";
}

function begin(start) {
  const worker = new Worker("worker.js");
  workers.set(start.number, worker);
  worker.onerror = (event) => {
    send({ failed: start.number, why: String(event.message ?? "the worker could not be started").slice(0, 400) });
    end(start.number);
  };
  worker.onmessage = ({ data }) => {
    if (data?.stage) {
      if (data.stage === "failed") failed(data.file, data.why);
      else advanced(data);
      return;
    }
    send({ failed: start.number, why: String(data?.failed ?? "").slice(0, 400) });
    end(start.number);
  };
  worker.postMessage({
    ...start,
    socket: new URL(`agent/${start.number}`, sockets).href,
    files: new URL("file/", here).href,
    base: new URL(`runtime/${start.runtime}/`, here).href,
  });
  say(`running a file in ${start.runtime} (${start.backend}): keep this page in view`);
}

function end(number) {
  if (workers.has(number)) done += 1;
  workers.get(number)?.terminate();
  workers.delete(number);
  if (!workers.size) idle();
}

document.addEventListener("visibilitychange", () => {
  const visible = document.visibilityState === "visible";
  send({ visible });
  if (visible && document.getElementById("awake") && control) keepAwake();
});

const form = document.getElementById("join");
if (!form) connect("");
else {
  const field = form.elements.namedItem("device");
  field.value = localStorage.getItem("zoo-name") ?? "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!control) connect(field.value);
  });
  // A tab that was reloaded comes back by itself.
  if (sessionStorage.getItem("zoo-joined")) connect(sessionStorage.getItem("zoo-joined"));
}
