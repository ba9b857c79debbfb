// What runs here, for the person who owns this device: files, how often, how long, and what came of them.

const part = (id) => document.getElementById(id);
const WORDS = { loading: "is loaded", checking: "answers are compared", timing: "is timed" };
let rows = new Map(), wanted = 1, done = 0;

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const unit = bytes < 1e6 ? ["kB", 1e3] : ["MB", 1e6];
  return `${(bytes / unit[1]).toPrecision(3)} ${unit[0]}`;
}

function duration(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

/** A plan has come: its table replaces the one before. A file that is timed in several ways comes as often, and has one row. */
export function planned({ files, processes, seconds }) {
  [rows, wanted, done] = [new Map(), files.length * processes, 0];
  for (const { name, bytes, sha256 } of files) {
    const row = rows.get(sha256) ?? { name, bytes, times: 0, done: 0 };
    row.times += processes;
    rows.set(sha256, row);
  }
  const told = [...rows.values()];
  const each = told.every(({ times }) => times === told[0].times) ? `${told[0]?.times} times each` : `${wanted} times in all`;
  const often = told.every(({ times }) => times === 1) ? "once" : each;
  part("work").hidden = false;
  part("plan").textContent = `${told.length} ${told.length === 1 ? "file" : "files"}, started ${often}: ${duration(seconds)} at least.`;
  part("files").replaceChildren(...told.map((file) => {
    const row = document.createElement("tr");
    file.cells = [file.name, size(file.bytes), `0 of ${file.times}`, "waits"].map((text, at) => {
      const cell = document.createElement(at ? "td" : "th");
      cell.textContent = text;
      return cell;
    });
    file.cells[0].scope = "row";
    row.append(...file.cells);
    return row;
  }));
  part("share").value = 0;
}

/** A worker says how far it is. */
export function advanced({ stage, file, median_ms: median, runs }) {
  const row = rows.get(file);
  if (!row) return;
  const [, , often, state] = row.cells;
  if (stage !== "timed") {
    if (!row.done) state.textContent = WORDS[stage] ?? stage;
    return;
  }
  row.done += 1;
  done += 1;
  // What was disturbed is timed once more.
  often.textContent = row.done > row.times ? `${row.done}` : `${row.done} of ${row.times}`;
  state.textContent = `${median.toPrecision(3)} ms (median of ${runs.toLocaleString("en")} samples)`;
  part("share").value = Math.min(1, done / wanted);
}

/** What a worker that broke said. */
export function failed(file, why) {
  const row = rows.get(file);
  if (row) row.cells[3].textContent = why;
}
