// A picture's file as the zoo reads it: upright, eight bits a channel, without transparency and without colour profiles.

import { fitted, shownPart } from "./try_resizing.js";
import { checkSize } from "./try_tables.js";

/** Largest file, in bytes; and most pixels, the number from which Pillow warns. */
const MOST_BYTES = 64e6, MOST_PIXELS = 89478485;
/** Longest side of a picture as it is shown. */
const MOST_SHOWN = 640;
const PNG = [0x89, 0x50, 0x4e, 0x47];

function begins(bytes, signs, at = 0) {
  return signs.every((sign, place) => bytes[at + place] === sign);
}

const letters = (text) => Array.from(text, (letter) => letter.charCodeAt(0));

/** How many colours a JPEG has, by its frame header; 0 where there is none. */
function coloursOf(bytes) {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return 0;
    const mark = bytes[at + 1];
    if (mark === 0xff) { at += 1; continue; }
    if (mark >= 0xc0 && mark <= 0xcf && mark !== 0xc4 && mark !== 0xc8 && mark !== 0xcc) return bytes[at + 9];
    at += 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  return 0;
}

const u16 = (bytes, at, little = true) => (little ? bytes[at] | (bytes[at + 1] << 8) : (bytes[at] << 8) | bytes[at + 1]);
const u32 = (bytes, at, little = true) => (little ? u16(bytes, at) + u16(bytes, at + 2) * 65536 : u16(bytes, at, false) * 65536 + u16(bytes, at + 2, false));

/** How the EXIF data of a WebP say that it is to be turned; 1 for upright. */
function orientationOf(bytes) {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = u32(bytes, at + 4);
    if (begins(bytes, letters("EXIF"), at)) {
      const data = bytes.subarray(at + 8, at + 8 + size);
      const own = begins(data, letters("Exif")) ? data.subarray(6) : data, little = own[0] === 0x49;
      const list = u32(own, 4, little), count = u16(own, list, little);
      for (let one = list + 2; one < list + 2 + 12 * count && one + 12 <= own.length; one += 12) {
        if (u16(own, one, little) === 0x112) return u16(own, one + 8, little);
      }
    }
    at += 8 + size + (size % 2);
  }
  return 1;
}

/** Whether the first frame of a GIF leaves a part of its screen empty. */
function leavesEmpty(bytes) {
  let at = 13 + (bytes[10] & 0x80 ? 3 << ((bytes[10] & 7) + 1) : 0);
  while (bytes[at] === 0x21) {
    for (at += 2; bytes[at]; at += bytes[at] + 1);
    at += 1;
  }
  return u16(bytes, at + 1) || u16(bytes, at + 3) || u16(bytes, at + 5) !== u16(bytes, 6) || u16(bytes, at + 7) !== u16(bytes, 8);
}

/** Whether a PNG moves, and its still picture is none of the frames. */
function hasOtherStill(text) {
  const [moves, frame, still] = ["acTL", "fcTL", "IDAT"].map((name) => text.indexOf(name));
  return moves >= 0 && moves < still && !(frame >= 0 && frame < still);
}

/** Why a browser reads such a file otherwise than the zoo does; empty where it does not. */
function problemOf(bytes) {
  const text = new TextDecoder("latin1").decode(bytes);
  if (begins(bytes, PNG)) {
    if (bytes[24] === 16) return "it has 16 bits a channel, of which browsers keep eight: save it with eight";
    if (hasOtherStill(text)) return "it moves, and browsers show a frame in place of its still picture: save that alone";
  } else if (begins(bytes, [0xff, 0xd8, 0xff])) {
    if (coloursOf(bytes) === 4) return "it is in CMYK, which browsers turn into other colours than the zoo does: save it in RGB";
  } else if (begins(bytes, letters("GIF8"))) {
    if (leavesEmpty(bytes)) return "its first frame leaves a part of it empty, which browsers fill otherwise than the zoo does: save it as PNG";
  } else if (begins(bytes, letters("WEBP"), 8)) {
    const turn = orientationOf(bytes);
    if (turn > 1 && turn <= 8) return "its EXIF data say that it is to be turned, which browsers do not do with WebP: save it upright";
  } else if (!begins(bytes, letters("BM"))) {
    return "it is not a picture that pages read: PNG, JPEG, WebP, GIF or BMP";
  }
  const turned = text.match(/tiff:Orientation(?:="|>)\s*([0-9])/);
  return turned && turned[1] !== "1" ? "its XMP data say that it is to be turned, which browsers do not do: save it upright" : "";
}

/** Refuses browsers that hand out other pixels than were drawn, as some do against recognition. */
function checkCanvas() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const drawn = context.createImageData(64, 64);
  for (let i = 0; i < drawn.data.length; i++) drawn.data[i] = i % 4 === 3 ? 255 : (i * 37 + (i >> 6) * 101) % 256;
  context.putImageData(drawn, 0, 0);
  const read = context.getImageData(0, 0, 64, 64).data;
  if (read.some((value, i) => value !== drawn.data[i])) {
    throw new Error("this browser changes the pixels that pages read of pictures: switch its protection against recognition off for this page");
  }
}

async function decoded(file) {
  try {
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" });
  } catch {
    throw new Error("the picture is damaged, or of a kind that this browser does not read");
  }
}

function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new Error(`${width} x ${height} pixels: more than ${MOST_PIXELS}`);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const made = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[4 * i + 3];
    if (alpha !== 0 && alpha !== 255) {
      throw new Error("it is partly transparent, which browsers round otherwise than the zoo does: save it without transparency");
    }
    // What is transparent shows white, as on paper.
    for (let c = 0; c < 3; c++) made[3 * i + c] = alpha ? data[4 * i + c] : 255;
  }
  return { data: made, width, height, channels: 3 };
}

/** The picture itself, at a size at which a page shows it. */
function atShownSize(bitmap) {
  const canvas = document.createElement("canvas"), longest = Math.max(bitmap.width, bitmap.height);
  const scale = longest > MOST_SHOWN ? MOST_SHOWN / longest : Math.max(1, Math.floor(MOST_SHOWN / 2 / longest));
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = scale < 1;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** The raw input of a picture's file, the pixels that the network sees, channels last, and of the whole picture its size, what part that is, and a canvas. */
export async function readPicture(file, own, turned) {
  checkSize(file, MOST_BYTES);
  const problem = problemOf(new Uint8Array(await file.arrayBuffer()));
  if (problem) throw new Error(problem);
  checkCanvas();
  const bitmap = await decoded(file);
  const seen = fitted(pixelsOf(bitmap), own, turned), { width, height } = bitmap;
  const whole = { width, height, part: shownPart(bitmap, own), canvas: atShownSize(bitmap) };
  bitmap.close();
  return { raw: own.layout === "nchw" ? planes(seen) : seen.data, seen, whole };
}

function planes({ data, width, height, channels }) {
  const size = width * height;
  return Uint8Array.from(data, (_, i) => data[(i % size) * channels + Math.floor(i / size)]);
}

/** A canvas with pixels, channels last, each `scale` times as large. */
export function drawn({ data, width, height, channels }, label) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = data[i * channels + Math.min(c, channels - 1)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
