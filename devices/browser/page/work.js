// What runs here, for the person who owns this device: files, how often, how long, and what came of them.

const part = (id) => document.getElementById(id);
const WORDS = { loading: "is loaded", checking: "answers are compared", timing: "is timed" };
let rows = new Map(), processes = 1, done = 0;

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const unit = bytes < 1e6 ? ["kB", 1e3] : ["MB", 1e6];
  return `${(bytes / unit[1]).toPrecision(3)} ${unit[0]}`;
}

function duration(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

/** A plan has come: its table replaces the one before. */
export function planned({ files, processes: times, seconds }) {
  [rows, processes, done] = [new Map(), times, 0];
  part("work").hidden = false;
  const often = times === 1 ? "once" : `${times} times each`;
  part("plan").textContent = `${files.length} ${files.length === 1 ? "file" : "files"}, started ${often}: ${duration(seconds)} at least.`;
  part("files").replaceChildren(...files.map(({ name, bytes, sha256 }) => {
    const row = document.createElement("tr");
    const cells = [name, size(bytes), `0 of ${times}`, "waits"].map((text, at) => {
      const cell = document.createElement(at ? "td" : "th");
      cell.textContent = text;
      return cell;
    });
    cells[0].scope = "row";
    row.append(...cells);
    rows.set(sha256, { done: 0, cells });
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
  often.textContent = row.done > processes ? `${row.done}` : `${row.done} of ${processes}`;
  state.textContent = `${median.toPrecision(3)} ms (median of ${runs.toLocaleString("en")} samples)`;
  part("share").value = Math.min(1, done / (rows.size * processes));
}

/** What a worker that broke said. */
export function failed(file, why) {
  const row = rows.get(file);
  if (row) row.cells[3].textContent = why;
}
