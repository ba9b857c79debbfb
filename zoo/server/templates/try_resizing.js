// Pictures resized as Pillow does it, bit for bit: weights of 22 binary places, first along rows, then along columns.

const PLACES = 22;
const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const FILTERS = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (given) => {
      const x = Math.abs(given), a = -0.5;
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Along one axis: of each new pixel the first old one, and the weights from there on. */
function weightsOf(whole, from, to, count, { support, weight }) {
  const scale = Math.fround(to - from) / count, wide = Math.max(scale, 1);
  return Array.from({ length: count }, (_, at) => {
    const centre = from + (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * wide + 0.5));
    const last = Math.min(whole, Math.trunc(centre + support * wide + 0.5));
    const own = Array.from({ length: last - first }, (_, x) => weight((x + first - centre + 0.5) * (1 / wide)));
    const sum = own.reduce((before, value) => before + value, 0);
    const fixed = own.map((value) => {
      const share = (sum === 0 ? value : value / sum) * 2 ** PLACES;
      return Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    return { first, fixed };
  });
}

function clipped(sum) {
  return Math.min(255, Math.max(0, Math.floor(sum / 2 ** PLACES)));
}

function alongRows({ data, width, height, channels }, count, weights) {
  const made = new Uint8Array(height * count * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < count; x++) {
      const { first, fixed } = weights[x];
      for (let c = 0; c < channels; c++) {
        let sum = 2 ** (PLACES - 1);
        for (let k = 0; k < fixed.length; k++) sum += data[(y * width + first + k) * channels + c] * fixed[k];
        made[(y * count + x) * channels + c] = clipped(sum);
      }
    }
  }
  return { data: made, width: count, height, channels };
}

function alongColumns({ data, width, channels }, count, weights) {
  const made = new Uint8Array(count * width * channels), row = width * channels;
  for (let y = 0; y < count; y++) {
    const { first, fixed } = weights[y];
    for (let x = 0; x < row; x++) {
      let sum = 2 ** (PLACES - 1);
      for (let k = 0; k < fixed.length; k++) sum += data[(first + k) * row + x] * fixed[k];
      made[y * row + x] = clipped(sum);
    }
  }
  return { data: made, width, height: count, channels };
}

/** Of each new pixel the old one that its middle lies in. */
function nearest({ data, width, height, channels }, columns, rows, [left, top, right, bottom]) {
  const places = (from, to, count, whole) => {
    const step = Math.fround(to - from) / count;
    let place = from + step * 0.5;
    return Array.from({ length: count }, () => {
      const own = Math.min(whole - 1, Math.trunc(place));
      place += step;
      return own;
    });
  };
  const x = places(left, right, columns, width), y = places(top, bottom, rows, height);
  const made = new Uint8Array(rows * columns * channels);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      for (let k = 0; k < channels; k++) {
        made[(r * columns + c) * channels + k] = data[(y[r] * width + x[c]) * channels + k];
      }
    }
  }
  return { data: made, width: columns, height: rows, channels };
}

/** The part of a picture within a box, at another size; which axis is first depends on the version of Pillow. */
function resized(picture, { columns, rows, interpolation, turned }, given) {
  const box = (given ?? [0, 0, picture.width, picture.height]).map(Math.fround);
  const [left, top, right, bottom] = box;
  const across = left !== 0 || right !== columns || picture.width !== columns;
  const down = top !== 0 || bottom !== rows || picture.height !== rows;
  if (!across && !down) return picture;
  if (interpolation === "nearest") return nearest(picture, columns, rows, box);
  const filter = FILTERS[interpolation];
  const horizontal = (one) => (across ? alongRows(one, columns, weightsOf(picture.width, left, right, columns, filter)) : one);
  const vertical = (one) => (down ? alongColumns(one, rows, weightsOf(picture.height, top, bottom, rows, filter)) : one);
  const lost = picture.height - rows;
  if (turned && lost > 0 && lost > 2 * (picture.width - columns)) return horizontal(vertical(picture));
  return vertical(horizontal(picture));
}

/** Python's round: halves go to the even neighbour. */
export function even(value) {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function cropEdges(picture, { width, height, crop_share: share }) {
  const scale = Math.min(picture.width / width, picture.height / height) * share;
  const edges = (whole, length) => {
    const start = (whole - length) / 2;
    return [Math.max(start, 0), Math.min(start + length, whole)];
  };
  return [edges(picture.width, width * scale), edges(picture.height, height * scale)];
}

function cropped(picture, own, turned) {
  const { width, height, interpolation } = own, [[left, right], [top, bottom]] = cropEdges(picture, own);
  return resized(picture, { columns: width, rows: height, interpolation, turned }, [left, top, right, bottom]);
}

function paddedSides(picture, { width, height }) {
  const scale = Math.max(picture.width / width, picture.height / height);
  const side = (whole, own) => Math.min(own, Math.max(1, even(whole / scale)));
  return [side(picture.width, width), side(picture.height, height)];
}

function padded(picture, own, turned) {
  const { width, height, interpolation } = own, [columns, rows] = paddedSides(picture, own);
  const inner = resized(picture, { columns, rows, interpolation, turned });
  const { channels } = picture, made = new Uint8Array(width * height * channels);
  const left = Math.floor((width - inner.width) / 2), top = Math.floor((height - inner.height) / 2);
  for (let y = 0; y < inner.height; y++) {
    const row = inner.data.subarray(y * inner.width * channels, (y + 1) * inner.width * channels);
    made.set(row, ((top + y) * width + left) * channels);
  }
  return { data: made, width, height, channels };
}

/** A picture of 3 channels at the size, and with the channels, that a network takes: channels last. */
export function fitted(picture, own, turned) {
  const count = picture.width * picture.height;
  let made = picture;
  if (own.channels === 1) {
    // Luma by ITU-R 601-2, in whole numbers.
    const grey = Uint8Array.from({ length: count }, (_, i) => {
      const [r, g, b] = [picture.data[3 * i], picture.data[3 * i + 1], picture.data[3 * i + 2]];
      return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    });
    made = { ...picture, data: grey, channels: 1 };
  }
  if (made.width === own.width && made.height === own.height && own.crop_share === 1) return made;
  if (own.resize === "crop") return cropped(made, own, turned);
  if (own.resize === "pad") return padded(made, own, turned);
  return resized(made, { columns: own.width, rows: own.height, interpolation: own.interpolation, turned });
}

/** What the network sees of a picture: top, left, bottom and right edge in its pixels, beyond it where it was padded. */
export function shownPart(picture, own) {
  const { width, height } = picture;
  if (width === own.width && height === own.height && own.crop_share === 1) return [0, 0, height, width];
  if (own.resize === "crop") {
    const [[left, right], [top, bottom]] = cropEdges(picture, own);
    return [top, left, bottom, right];
  }
  const inner = own.resize === "pad" ? paddedSides(picture, own) : [own.width, own.height];
  const edges = (whole, side, held) => {
    const start = (-Math.floor((side - held) / 2) * whole) / held;
    return [start, start + (side * whole) / held];
  };
  const [left, right] = edges(width, own.width, inner[0]), [top, bottom] = edges(height, own.height, inner[1]);
  return [top, left, bottom, right];
}

/** The picture of a size that the server makes, too. */
function pattern({ width, height }) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % width, y = Math.floor(i / (3 * width)), c = i % 3;
    return (x * x * 7 + y * y * 13 + x * y * 3 + c * 85) % 256;
  });
  return { data, width, height, channels: 3 };
}

/** Whether Pillow on the server resizes tall pictures along columns first; refuses one that gives other pixels. */
export async function orderOf(own, samples, fetched) {
  for (const turned of [true, false]) {
    let same = true;
    for (const sample of samples) {
      const right = new Uint8Array(await fetched(sample.file)), made = fitted(pattern(sample), own, turned).data;
      same &&= made.length === right.length && made.every((value, at) => value === right[at]);
    }
    if (same) return turned;
  }
  throw new Error("pictures are resized otherwise here than on the server, whose Pillow has other rules: no answer would be the file's own");
}
