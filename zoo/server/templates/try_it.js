// Runs the file of this page in this browser, on what its reader chooses: first on the golden inputs, whose outputs are known.

import { shown } from "./try_answers.js";
import { drawn, readPicture } from "./try_pictures.js";
import { orderOf } from "./try_resizing.js";
import { checkSize, readTable, textOf } from "./try_tables.js";

const section = document.getElementById("try-it");
const form = section.querySelector("form"), state = section.querySelector(".state");
const goldenState = section.querySelector(".golden-state"), place = section.querySelector(".answer");
const folder = new URL(section.dataset.folder, location.href);
const TYPES = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array };
const MOST_WINDOWS = 50, MOST_SOUND = 64e6, MOST_TEXT = 20000;
/** A length of samples that is larger stands for one that is not known, as for `zoo predict`. */
const MOST_WAV = 2 ** 28;
/** Files that hold several texts. */
const OF_TEXTS = /\.(csv|tsv|conllu?|iob2?|bio2?)$/i;

async function fetched(name) {
  const response = await fetch(new URL(name, folder));
  if (!response.ok) throw new Error(`the server no longer has ${name} of this file: load the page again`);
  return response.arrayBuffer();
}

const words = async (name) => new TextDecoder().decode(await fetched(name));

/** A worker in which the file is open. */
class Runner {
  constructor() {
    this.worker = new Worker(section.dataset.worker);
    this.waiting = new Map();
    this.last = 0;
    this.worker.onmessage = ({ data }) => {
      const { done, failed } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.ok) done(data);
      else failed(new Error(data.why));
    };
    this.worker.onerror = (event) => {
      const broken = new Error(`the runtime could not be started: ${event.message || "its script cannot be loaded"}`);
      for (const { failed } of this.waiting.values()) failed(broken);
      this.waiting.clear();
    };
  }

  ask(message, handed = []) {
    return new Promise((done, failed) => {
      const id = (this.last += 1);
      this.waiting.set(id, { done, failed });
      this.worker.postMessage({ id, ...message }, handed);
    });
  }

  async run(raw, { input, golden }) {
    const shape = [1, ...golden.input_shape.slice(1)];
    const { outputs } = await this.ask({ run: [{ dtype: input.raw_dtype, shape, data: raw }] });
    return outputs[0].data;
  }
}

/** Runs the golden inputs; refuses a file that gives other outputs here. */
async function prove(runner, contract) {
  const { count, max_abs: limit, files } = contract.golden;
  let most = 0;
  for (const [number, file] of files.entries()) {
    const raw = new TYPES[contract.input.raw_dtype](await fetched(file.input));
    const expected = new Float32Array(await fetched(file.output));
    const answer = await runner.run(raw, contract);
    if (answer.length !== expected.length) throw new Error(`golden input ${number + 1} gives ${answer.length} numbers in place of ${expected.length}`);
    const apart = expected.reduce((before, value, at) => {
      const own = Math.abs(value - answer[at]);
      return own <= before ? before : own; // a NaN stays
    }, 0);
    if (!(apart <= limit)) throw new Error(`golden input ${number + 1} gives outputs that are off by ${apart.toPrecision(3)}, and ${limit} is allowed: this browser does not run the file as it was judged`);
    most = Math.max(most, apart);
  }
  return `Golden inputs agree: ${count} of ${count}, off by ${most === 0 ? "nothing" : `at most ${most.toPrecision(2)}`} (${limit} is allowed).`;
}

async function opened() {
  state.textContent = "Loading the file and its runtime.";
  const contract = JSON.parse(await words("contract.json"));
  const program = await import(new URL("run.mjs", folder));
  const own = {};
  if (contract.preprocessing.kind === "tokens") {
    const { textReader } = await import(new URL("text.mjs", folder));
    own.text = textReader(await words("characters.txt"), await words("vocabulary.txt"));
  } else if (contract.preprocessing.kind === "image") {
    own.turned = await orderOf(contract.preprocessing, contract.resizing, fetched);
  } else if (["sound", "waveform"].includes(contract.preprocessing.kind)) {
    own.sound = await import(new URL("sound.mjs", folder));
  }
  const runner = new Runner();
  try {
    const bytes = await fetched("model");
    await runner.ask({ open: { runtime: section.dataset.runtime, bytes } }, [bytes]);
    state.textContent = "Checking the golden inputs.";
    const proof = await prove(runner, contract);
    return { contract, program, runner, proof, ...own };
  } catch (error) {
    runner.worker.terminate();
    throw error;
  }
}

let open = null;

/** The file, opened and checked once; after a failure anew. */
function ready() {
  open ??= opened().catch((error) => {
    open = null;
    throw error;
  });
  return open;
}

/** Whether samples of a WAV file are missing. */
function isCutOff(view) {
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true), left = view.byteLength - at - 8;
    if (view.getUint32(at) === 0x64617461) return size > left && size <= MOST_WAV; // "data"
    at += 8 + size + (size % 2);
  }
  return false;
}

function soundOf(bytes, { sound, contract }) {
  if (isCutOff(new DataView(bytes))) throw new Error("the WAV file is cut off");
  const samples = sound.wavSamples(bytes);
  if (!samples.length) throw new Error("it holds no samples: a sound of no length");
  const whole = sound.fitted(samples);
  return contract.preprocessing.kind === "sound" ? sound.features(whole) : whole;
}

async function oneText(given) {
  if (typeof given === "string") return given;
  if (OF_TEXTS.test(given.name)) throw new Error("such files hold several texts, which zoo predict answers: drop one text");
  if (given.size > MOST_TEXT) throw new Error(`a text may have ${MOST_TEXT} bytes, and it has ${given.size}`);
  return textOf(given);
}

/** What was given as examples: each with a raw input, and a name where there are several. */
async function examplesOf(given, { contract, text, sound, turned }) {
  const own = contract.preprocessing;
  if (own.kind === "image") {
    return { examples: [await readPicture(given, own, turned)], notes: [] };
  }
  if (own.kind === "series") {
    const { windows, notes } = await readTable(given, own, contract.table);
    return { examples: windows.map(({ name, start, raw }) => ({ name, first: start, raw })), notes };
  }
  if (own.kind === "tokens") {
    const one = await oneText(given), tokens = text.tokens(one);
    if (!tokens.length) throw new Error("the text is empty");
    return { examples: [{ raw: text.read(one), tokens }], notes: [] };
  }
  checkSize(given, MOST_SOUND);
  return { examples: [{ raw: soundOf(await given.arrayBuffer(), { sound, contract }) }], notes: [] };
}

function titled(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

async function answer(given, name) {
  const file = await ready();
  goldenState.textContent = file.proof;
  const { examples, notes } = await examplesOf(given, file);
  const made = [];
  for (const example of examples.slice(0, MOST_WINDOWS)) {
    const output = await file.runner.run(example.raw, file.contract).catch((error) => {
      // A runtime that has failed once may be broken: the next answer is given by another.
      file.runner.worker.terminate();
      open = null;
      throw error;
    });
    if (output.some((value) => !Number.isFinite(value))) throw new Error("the file's answer holds what is no number");
    if (example.name) made.push(titled("h3", example.name));
    const alone = example.seen && !["boxes", "class-map", "picture"].includes(file.contract.answer);
    if (alone) made.push(drawn(example.seen, "The picture as the network sees it"));
    made.push(...shown(output, file.contract, { ...example, program: file.program }));
  }
  if (examples.length > MOST_WINDOWS) notes.push(`The first ${MOST_WINDOWS} of ${examples.length} windows are shown.`);
  place.replaceChildren(...made, ...notes.map((note) => titled("p", note)));
  state.textContent = `The file's answer to ${name}:`;
}

let turn = 0;

async function tried(given, name) {
  const own = (turn += 1);
  section.dataset.done = "";
  place.replaceChildren();
  state.classList.remove("refused");
  try {
    await answer(given, name);
  } catch (error) {
    place.replaceChildren();
    state.classList.add("refused");
    state.textContent = `No answer to ${name}: ${error.message}.`;
  }
  if (own === turn) section.dataset.done = String(own);
}

let queue = Promise.resolve();
const next = (given, name) => { queue = queue.then(() => tried(given, name)); };

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = form.elements.text?.value;
  if (text?.trim()) next(text, "this text");
});
// Chosen again, the same file, which may be another by now, is a change, too.
form.elements.file?.addEventListener("click", ({ target }) => { target.value = ""; });
form.elements.file?.addEventListener("change", ({ target }) => {
  if (target.files.length) next(target.files[0], target.files[0].name);
});
section.addEventListener("dragover", (event) => event.preventDefault());
section.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) next(file, file.name);
});
