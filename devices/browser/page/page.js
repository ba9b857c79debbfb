// The page: keeps a control socket open, starts a worker for each agent, and tells what goes on.

const here = new URL("./", location.href);
const sockets = new URL("./", here);
sockets.protocol = here.protocol === "https:" ? "wss:" : "ws:";
const workers = new Map();
const say = (text) => { document.getElementById("state").textContent = text; };

function missing() {
  const lacks = [];
  if (typeof WebAssembly !== "object") lacks.push("WebAssembly");
  if (typeof CompressionStream !== "function") lacks.push("CompressionStream");
  if (typeof BigInt64Array !== "function") lacks.push("BigInt64Array");
  if (typeof Worker !== "function") lacks.push("Worker");
  return lacks;
}

async function hello() {
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
      missing: missing(),
    },
  };
}

const control = new WebSocket(new URL("control", sockets));
const send = (message) => { if (control.readyState === WebSocket.OPEN) control.send(JSON.stringify(message)); };

control.onopen = async () => {
  send(await hello());
  say("connected: waiting for a file");
};
control.onclose = () => {
  for (const number of [...workers.keys()]) end(number);
  say("the connection is closed: reload this page to connect again");
};
control.onmessage = ({ data }) => {
  const { start, end: ended } = JSON.parse(data);
  if (start) begin(start);
  if (ended !== undefined) end(ended);
};

function begin(start) {
  const worker = new Worker("worker.js");
  workers.set(start.number, worker);
  worker.onerror = (event) => {
    send({ failed: start.number, why: String(event.message ?? "the worker could not be started").slice(0, 400) });
    end(start.number);
  };
  worker.onmessage = ({ data }) => {
    send({ failed: start.number, why: String(data?.failed ?? "").slice(0, 400) });
    end(start.number);
  };
  worker.postMessage({
    ...start,
    socket: new URL(`agent/${start.number}`, sockets).href,
    files: new URL("file/", here).href,
    base: new URL(`runtime/${start.runtime}/`, here).href,
  });
  say(`running ${start.runtime}`);
}

function end(number) {
  workers.get(number)?.terminate();
  workers.delete(number);
  if (!workers.size && control.readyState === WebSocket.OPEN) say("connected: waiting for a file");
}

document.addEventListener("visibilitychange", () => send({ visible: document.visibilityState === "visible" }));
