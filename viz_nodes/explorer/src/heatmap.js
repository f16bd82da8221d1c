// A layer's map as a small canvas.

import { colorAt, PALETTES } from "./colors.js";

const tables = new Map();
function tableOf(palette) {
  if (!tables.has(palette))
    tables.set(
      palette,
      Array.from({ length: 256 }, (_, i) => colorAt(PALETTES[palette], i / 255)),
    );
  return tables.get(palette);
}

// Not Math.max, which would hand on a value that is not a number.
const largest = (values) => values.filter((value) => value > 0).reduce((top, value) => Math.max(top, value), 0);

/** The raw value at the top of the color scale: the map's own maximum, or that of all layers. */
export function topOf(row, layer, scale) {
  return scale === "shared"
    ? Math.max(...row.layers.map((each) => largest(each.cam)))
    : largest(row.layers[layer.place].cam);
}

/** One dimension of a cubic enlargement, cut off at the ends of the data so that no value is invented. */
export function enlarge(values, rows, cols, factor) {
  const wide = cols * factor,
    result = new Float32Array(rows * wide);
  const cubic = (t) => {
    t = Math.abs(t);
    return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
  };
  for (let c = 0; c < wide; c++) {
    const x = (c + 0.5) / factor - 0.5,
      base = Math.floor(x);
    for (let tap = base - 1; tap <= base + 2; tap++) {
      const weight = cubic(x - tap),
        source = Math.min(cols - 1, Math.max(0, tap));
      for (let r = 0; r < rows; r++) result[r * wide + c] += weight * values[r * cols + source];
    }
  }
  return result;
}
function transpose(values, rows, cols) {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = values[r * cols + c];
  return result;
}

/** A map as a small canvas: color by value, opacity rising with it so that the photograph stays visible elsewhere. */
export function heatCanvas(cam, [rows, cols], top, palette, smooth) {
  let field = Float32Array.from(cam, (value) => (Number.isFinite(value) && top > 0 ? value / top : 0));
  const factor = smooth ? Math.max(1, Math.ceil(112 / Math.max(rows, cols))) : 1;
  if (factor > 1) {
    field = enlarge(field, rows, cols, factor);
    field = transpose(
      enlarge(transpose(field, rows, cols * factor), cols * factor, rows, factor),
      cols * factor,
      rows * factor,
    );
  }
  const canvas = document.createElement("canvas");
  canvas.width = cols * factor;
  canvas.height = rows * factor;
  const pixels = new ImageData(canvas.width, canvas.height);
  const table = tableOf(palette);
  for (let i = 0; i < field.length; i++) {
    const value = Math.min(1, Math.max(0, field[i]));
    const [r, g, b] = table[Math.round(value * 255)];
    pixels.data.set([r, g, b, Math.round(255 * opacityOf(value))], 4 * i);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}
export const opacityOf = (value) => 0.15 + 0.85 * value;
