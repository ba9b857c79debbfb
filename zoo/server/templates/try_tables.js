// Windows of a table, read as `zoo predict` reads them: columns by their names, rows one behind the other.

const MOST_BYTES = 16e6;
const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

const NO_NUMBER = /^\s*[+-]?(nan|inf|infinity)\s*$/i;

/** Refuses a file that is too large, in millions of bytes. */
export function checkSize({ size }, most) {
  if (!size) throw new Error("the file is empty");
  if (size > most) throw new Error(`it has ${Math.ceil(size / 1e5) / 10} MB, and ${most / 1e6} MB is the most that pages read`);
}

/** The text of a file in UTF-8. */
export async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) throw new Error("it is UTF-16 text: save it as UTF-8");
  if (bytes.includes(0)) throw new Error("it holds NUL characters, which no text does");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not text in UTF-8");
  }
}

/** Rows of CSV, each with the number of its line; quotes are those of RFC 4180. */
function rowsOf(text) {
  const first = text.slice(0, text.search(/[\r\n]|$/));
  const counts = [",", ";", "\t"].map((sign) => first.split(sign).length);
  const delimiter = [",", ";", "\t"][counts.indexOf(Math.max(...counts))];
  const rows = [];
  let line = 1, begins = 1, cells = [], cell = "", at = 0, started = false;
  const endRow = () => {
    if (started || cells.length) rows.push({ line: begins, cells: [...cells, cell] });
    [cells, cell, started] = [[], "", false];
  };
  while (at < text.length) {
    const sign = text[at];
    if (sign === '"' && !started) {
      started = true;
      for (at += 1; ; at += 1) {
        if (at >= text.length) throw new Error(`line ${begins}: its quotes do not end`);
        if (text[at] === '"') {
          if (text[at + 1] !== '"') break;
          at += 1;
        }
        if (text[at] === "\n") line += 1;
        cell += text[at];
      }
      at += 1;
      if (at < text.length && ![delimiter, "\r", "\n"].includes(text[at])) throw new Error(`line ${line}: there is text behind its quotes`);
    } else if (sign === delimiter) {
      cells.push(cell);
      [cell, started] = ["", false];
      at += 1;
    } else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && !["\r", "\n", undefined].includes(text[at + 1])) throw new Error(`line ${line}: it ends as lines did on old Macs: save the table again as CSV in UTF-8`);
      endRow();
      at += sign === "\r" && text[at + 1] === "\n" ? 2 : 1;
      line += 1;
      begins = line;
    } else {
      started = true;
      cell += sign;
      at += 1;
    }
  }
  endRow();
  return rows;
}

function placesOf(header, { channels, others }, count) {
  const twice = header.find((name, at) => name && header.indexOf(name) !== at);
  if (twice) throw new Error(`the column ${twice} is there twice`);
  if (header.every((name) => name === "" || NUMBER.test(name))) throw new Error("the first line must name the columns, and holds only numbers");
  const wanted = channels.length ? channels : header.filter((name) => name && !others.includes(name));
  const missing = wanted.find((name) => !header.includes(name));
  const takes = `the network takes ${count}${channels.length ? `: ${channels.join(", ")}` : ""}`;
  if (missing !== undefined) throw new Error(`it has no column ${missing}; ${takes}`);
  if (wanted.length !== count) throw new Error(`it has ${wanted.length} columns of numbers: ${wanted.join(", ")}; ${takes}`);
  return { wanted, places: wanted.map((name) => header.indexOf(name)) };
}

function valueOf(text, line, column) {
  if (!text.trim()) throw new Error(`line ${line}, column ${column}: the value is missing`);
  if (NO_NUMBER.test(text)) throw new Error(`line ${line}, column ${column}: the value is ${text.trim()}`);
  if (!NUMBER.test(text)) throw new Error(`line ${line}, column ${column}: ${text.trim().slice(0, 40)} is not a number`);
  const value = Math.fround(Number(text));
  if (!Number.isFinite(value)) throw new Error(`line ${line}, column ${column}: ${text.trim()} is beyond the range of float32`);
  return value;
}

/** The windows of a table's file: raw inputs by name; and notes on what was left out. */
export async function readTable(file, own, table) {
  checkSize(file, MOST_BYTES);
  const rows = rowsOf(await textOf(file));
  if (!rows.length) throw new Error("it is empty");
  const header = rows[0].cells.map((name) => name.trim());
  const { wanted, places } = placesOf(header, table, own.channels);
  const group = table.group ? header.indexOf(table.group) : -1;
  const values = new Float32Array((rows.length - 1) * own.channels), groups = [];
  rows.slice(1).forEach(({ line, cells }, row) => {
    if (cells.length !== header.length) throw new Error(`line ${line}: ${cells.length} columns, but the header has ${header.length}`);
    places.forEach((place, at) => { values[row * own.channels + at] = valueOf(cells[place], line, wanted[at]); });
    groups.push(group < 0 ? "" : cells[group].trim().normalize("NFC"));
  });
  if (!groups.length) throw new Error("it holds a header, but no rows");
  return windowsOf(values, groups, own);
}

// A window lies within one group.
function windowsOf(values, groups, { steps, channels }) {
  const windows = [];
  let longest = 0;
  for (let begin = 0, end; begin < groups.length; begin = end) {
    for (end = begin + 1; end < groups.length && groups[end] === groups[begin]; end++);
    longest = Math.max(longest, end - begin);
    for (let start = begin; start + steps <= end; start += steps) {
      const name = steps > 1 ? `rows ${start + 1} to ${start + steps}` : `row ${start + 1}`;
      windows.push({ name, start, raw: values.slice(start * channels, (start + steps) * channels) });
    }
  }
  if (!windows.length) throw new Error(`the network takes ${steps} rows, and the longest stretch has ${longest}`);
  const left = groups.length - windows.length * steps;
  return { windows, notes: left ? [`${left} rows fill no window of ${steps}.`] : [] };
}
