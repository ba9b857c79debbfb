"use strict";
// Hides rows of a list that do not fit; without this script the list is whole, and its form hidden.
// It is no module: browsers load none from a folder.
const form = document.querySelector("form[data-filters]");
const rows = [...document.querySelectorAll(`#${form.dataset.filters} ~ table tbody tr`)];
const told = document.getElementById("filtered");
const UNITS = {
  max_size: { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 },
  // The second µ is the Greek letter, which keyboards give.
  max_latency: { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, min: 6e4, h: 36e5 },
  min_quality: { "": 1, "%": 1 },
};
const small = (cell) => cell.querySelector("small:last-of-type")?.textContent ?? "";
// A figure as it is shown, in the smallest unit of its kind; NaN where there is none.
const value = (cell, name) => {
  const shown = cell.firstChild.textContent.replaceAll("−", "-").replaceAll(",", "");
  const [, number, unit] = shown.match(/(-?[0-9.]+(?:e-?[0-9]+)?)\s*(\S*)/) ?? [];
  return Number(number) * (UNITS[name][unit] ?? 1);
};
// What a row of a leaderboard says in its cells; rows of other lists say it in attributes.
const facts = (row) => {
  if (form.dataset.filters !== "files") return { ...row.dataset };
  const [format, ...precision] = row.cells[0].querySelector("small").textContent.split(",")[0].split(" ");
  return {
    format,
    precision: precision.join(" "),
    runtime: small(row.cells[2]).split(",")[0],
    min_quality: value(row.cells[1], "min_quality"),
    max_latency: value(row.cells[2], "max_latency"),
    max_size: value(row.cells[3], "max_size"),
  };
};
const known = rows.map(facts);
// The number of a limit in the unit of the rows; null where nothing is asked.
const limit = (input) => {
  const text = input.value.trim().replaceAll("−", "-");
  const [, number, unit] = text.match(/^(-?[0-9.]+(?:e-?[0-9]+)?)\s*(\D*)$/) ?? [];
  const found = Number(number) * UNITS[input.name][unit];
  const wrong = text !== "" && !(Number.isFinite(found) && (found > 0 || input.name === "min_quality"));
  input.setCustomValidity(wrong ? `for example: ${input.placeholder}` : "");
  return text === "" || wrong ? null : found;
};
const fits = (name, own, asked) => {
  if (name === "min_quality" && form.dataset.higher) return own >= asked;
  return own <= asked;
};
const show = () => {
  const asked = [...form.elements].filter((e) => e.name).map((e) => [e.name, e.name in UNITS ? limit(e) : e.value]);
  let shown = 0;
  rows.forEach((row, at) => {
    row.hidden = !asked.every(([name, wanted]) => wanted === null || wanted === "" ||
      (name in UNITS ? fits(name, known[at][name], wanted) : known[at][name] === wanted));
    shown += row.hidden ? 0 : 1;
  });
  told.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} here`;
};
form.hidden = false;
form.addEventListener("input", show);
form.addEventListener("submit", (event) => { event.preventDefault(); form.reportValidity(); });
form.addEventListener("reset", () => setTimeout(show));
show();
