// What a file's outputs say, as elements of the page.

import { drawn } from "./try_pictures.js";
import { even } from "./try_resizing.js";

/** Classes and boxes of one answer that are shown. */
const MOST = 5, MOST_BOXES = 100;

function made(tag, text = "", kind = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

/** A number in words, with all of it as the element's value. */
function number(value, text) {
  const element = made("data", text ?? String(Number(value.toPrecision(6))));
  element.value = String(value);
  return element;
}

const share = (value) => number(value, `${(100 * value).toFixed(value > 0.0995 && value < 0.9995 ? 1 : 2)} %`);

function table(heads, rows) {
  const element = made("table", "", "figures");
  const head = element.createTHead().insertRow();
  heads.forEach((name, at) => {
    const cell = made("th", name, at ? "n" : "");
    cell.scope = "col";
    head.append(cell);
  });
  const body = element.createTBody();
  for (const [name, ...cells] of rows) {
    const row = body.insertRow();
    const first = made("th", name);
    first.scope = "row";
    row.append(first);
    for (const cell of cells) {
      const own = made("td", "", "n");
      own.append(cell);
      row.append(own);
    }
  }
  return element;
}

const ranked = (shares, names) => Array.from(shares, (value, at) => ({ value, name: names[at] ?? `class ${at}` })).sort((a, b) => b.value - a.value);

function choice(answer, { names }) {
  const best = ranked(answer, names);
  return [made("p", best[0].name, "best-answer"), table(["Class", "Probability"], best.slice(0, MOST).map(({ name, value }) => [name, share(value)]))];
}

function choices(answer, { names, output }, { tokens, first = 0 }) {
  const classes = output.shape.at(-1), count = answer.length / classes;
  const shown = tokens ? Math.min(tokens.length, count) : count;
  const rows = Array.from({ length: shown }, (_, step) => {
    const best = ranked(answer.subarray(step * classes, (step + 1) * classes), names)[0];
    return [tokens ? tokens[step] : `row ${first + step + 1}`, best.name, share(best.value)];
  });
  return [table([tokens ? "Token" : "Step", "Class", "Probability"], rows)];
}

const targets = (answer, { names }) => [table(["Target", "Value"], Array.from(answer, (value, at) => [names[at], number(value)]))];

function labels(answer, { names }) {
  const all = ranked(answer, names), held = all.filter(({ value }) => value >= 0.5);
  const said = held.map(({ name }) => name).join(", ") || "no label";
  return [made("p", said, "best-answer"), table(["Label", "Probability"], all.slice(0, Math.max(MOST, held.length)).map(({ name, value }) => [name, share(value)]))];
}

function reconstruction(answer, { score }, { raw, program }) {
  const value = program.scoreOf(raw, answer);
  const rows = [["Anomaly score", number(value)]];
  if (score.threshold === null) return [table(["Figure", "Value"], rows)];
  rows.push(["Threshold", number(score.threshold)]);
  return [made("p", program.verdictOf(value), "best-answer"), table(["Figure", "Value"], rows)];
}

/** Edges of what the network sees, as shares, in pixels of the picture as it was given. */
function inPicture([top, left, bottom, right], { width, height, part }) {
  const place = (share, low, high, most) => even(Math.min(Math.max(low + share * (high - low), 0), most));
  const down = (share) => place(share, part[0], part[2], height), across = (share) => place(share, part[1], part[3], width);
  return [down(top), across(left), down(bottom), across(right)];
}

function boxes(answer, { names }, { whole, program }) {
  const found = program.boxesOf(answer).slice(0, MOST_BOXES).map((box) => ({ ...box, pixels: inPicture(box.edges, whole) }));
  const { canvas } = whole, context = canvas.getContext("2d");
  const scale = [canvas.width / whole.width, canvas.height / whole.height];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "The picture with boxes, numbered as in the table");
  found.forEach(({ pixels: [top, left, bottom, right] }, at) => {
    const place = [left * scale[0], top * scale[1], (right - left) * scale[0], (bottom - top) * scale[1]];
    // Light on dark: seen on any picture.
    for (const [colour, width] of [["#000", 4], ["#fd0", 2]]) {
      [context.strokeStyle, context.lineWidth] = [colour, width];
      context.strokeRect(...place);
    }
    context.font = "bold 14px sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = "#000";
    context.fillStyle = "#fd0";
    context.strokeText(String(at + 1), place[0] + 3, place[1] + 15);
    context.fillText(String(at + 1), place[0] + 3, place[1] + 15);
  });
  if (!found.length) return [canvas, made("p", "nothing", "best-answer")];
  const rows = found.map(({ label, score, pixels }, at) => [`${at + 1} ${names[label]}`, share(score), ...pixels.map((pixel) => number(pixel))]);
  return [canvas, table(["Object", "Probability", "Top", "Left", "Bottom", "Right"], rows), made("p", "Edges in pixels of the picture.", "note")];
}

function classMap(answer, { names, output }, { seen, program }) {
  const map = program.classMap(answer), [, height, width] = output.shape, counts = new Map();
  for (const label of map) counts.set(label, (counts.get(label) ?? 0) + 1);
  // Hues by the golden angle differ from one class to the next.
  const colour = (label) => {
    const hue = (label * 137.5) % 360, part = (n) => { const k = (n + hue / 30) % 12; return 0.55 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1)); };
    return [part(0), part(8), part(4)].map((value) => Math.round(255 * value));
  };
  const data = new Uint8Array(map.length * 3);
  map.forEach((label, i) => data.set(colour(label), 3 * i));
  const pair = made("div", "", "both");
  pair.append(drawn(seen, "The picture as the network sees it"), drawn({ data, width, height, channels: 3 }, "The class of each pixel, by colour"));
  const rows = [...counts].sort((one, other) => other[1] - one[1]).map(([label, count]) => {
    const patch = made("span", "", "patch");
    patch.style.background = `rgb(${colour(label).join(" ")})`;
    return [names[label], share(count / map.length), patch];
  });
  return [pair, table(["Class", "Share of the picture", "Colour"], rows)];
}

function picture(answer, { output }, { seen, program }) {
  const [, height, width, channels] = output.shape;
  // The bytes of a picture behind its header of text.
  const data = program.pictureOf(answer).slice(-height * width * channels);
  const pair = made("div", "", "both");
  if (seen) pair.append(drawn(seen, "The picture as the network sees it"));
  pair.append(drawn({ data, width, height, channels }, "The picture that the file makes of it"));
  return [pair];
}

function values(answer) {
  const shown = Array.from(answer.subarray(0, 50), (value, at) => [String(at + 1), number(value)]);
  const rest = answer.length - shown.length;
  return [table(["Number", "Value"], shown), ...(rest ? [made("p", `and ${rest} more`, "note")] : [])];
}

const SHOWN = { choice, choices, targets, labels, reconstruction, boxes, "class-map": classMap, picture, values };

/** Elements for one answer, in real numbers; `example` holds what its input was made of. */
export function shown(answer, contract, example) {
  return (SHOWN[contract.answer] ?? values)(answer, contract, example);
}
