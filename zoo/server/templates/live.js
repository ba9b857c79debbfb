"use strict";
// What runs now, and that there are new records; the page without this script shows the same once.
const live = document.getElementById("live");
const paragraph = (text, kind) => {
  const element = document.createElement("p");
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
};
let newest = null;
const source = new EventSource(live.dataset.source);
source.onmessage = (message) => {
  const told = JSON.parse(message.data);
  newest ??= told.newest;
  const lines = told.running.map((plan) => {
    const steps = plan.steps.map((s) => s.step + (s.total ? ` ${s.done} of ${s.total}` : ""));
    return paragraph([`${plan.run}: ${plan.ended} steps ended`, ...steps].join("; "));
  });
  if (!lines.length) lines.push(paragraph("No run of this machine writes into this store now.", "none"));
  if (told.newest > newest) {
    const link = document.createElement("a");
    link.href = "";
    link.textContent = "Show what was recorded since this page was loaded";
    lines.push(paragraph(""));
    lines.at(-1).append(link);
  }
  live.replaceChildren(...lines);
};
