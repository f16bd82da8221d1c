// A layer's map, or how often each of its key nodes was chosen, as a small canvas.

import { colorAt, PALETTES } from "./colors.js";
import { listenersOf } from "./edges.js";

/** Pixels along the longer side that a smooth map has at least. */
const SMOOTH_SIDE = 112;

const tables = new Map();
function tableOf(palette) {
  if (!tables.has(palette)) {
    tables.set(
      palette,
      Array.from({ length: 256 }, (_, i) => colorAt(PALETTES[palette], i / 255)),
    );
  }
  return tables.get(palette);
}

const largest = (values) => values.reduce((top, value) => (Number.isFinite(value) ? Math.max(top, value) : top), 0);

/** How many patches aggregate from each key node of a layer, itself not counted: the in-degree of the kNN graph. */
export function chosenBy(layer) {
  const { starts } = listenersOf(layer);
  const times = Float32Array.from({ length: starts.length - 1 }, (_, key) => starts[key + 1] - starts[key]);
  if (layer.grid.join() !== layer.key_grid.join()) return times;
  layer.neighbors.forEach((key, place) => {
    if (key === Math.floor(place / layer.k)) times[key]--;
  });
  return times;
}

/** What is painted: values, their grid, and the value at the top of the color scale. */
export function fieldOf(state, { row, layer }) {
  if (state.field === "chosen") {
    const values = chosenBy(layer);
    return { values, grid: layer.key_grid, top: largest(values) };
  }
  const maps = row.layers;
  const top =
    state.scale === "shared" ? Math.max(...maps.map((each) => largest(each.cam))) : largest(maps[layer.place].cam);
  return { values: maps[layer.place].cam, grid: layer.grid, top };
}

/** One dimension of a cubic enlargement, cut off at the ends of the data so that no value is invented. */
export function enlarge(values, rows, cols, factor) {
  const wide = cols * factor;
  const result = new Float32Array(rows * wide);
  for (let c = 0; c < wide; c++) {
    const x = (c + 0.5) / factor - 0.5;
    const base = Math.floor(x);
    for (let tap = base - 1; tap <= base + 2; tap++) {
      const weight = cubic(x - tap);
      const source = Math.min(cols - 1, Math.max(0, tap));
      for (let r = 0; r < rows; r++) result[r * wide + c] += weight * values[r * cols + source];
    }
  }
  return result;
}

/** Keys' cubic convolution kernel, a = -0.5. */
function cubic(t) {
  const x = Math.abs(t);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function transpose(values, rows, cols) {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = values[r * cols + c];
  return result;
}

/** A map's colors as (rows, cols, RGBA) bytes: opaque at the top of the scale, clear where the map is 0. */
export function heatPixels(map, [rows, cols], top, palette, smooth) {
  let field = Float32Array.from(map, (value) => (Number.isFinite(value) && top > 0 ? value / top : 0));
  const factor = smooth ? Math.max(1, Math.ceil(SMOOTH_SIDE / Math.max(rows, cols))) : 1;
  if (factor > 1) {
    field = enlarge(field, rows, cols, factor);
    field = enlarge(transpose(field, rows, cols * factor), cols * factor, rows, factor);
    field = transpose(field, cols * factor, rows * factor);
  }
  const pixels = new Uint8ClampedArray(4 * field.length);
  const table = tableOf(palette);
  field.forEach((value, i) => {
    const level = Math.min(1, Math.max(0, value));
    pixels.set([...table[Math.round(level * 255)], Math.round(255 * level)], 4 * i);
  });
  return { pixels, width: cols * factor, height: rows * factor };
}

export function heatCanvas(...given) {
  const [map, grid, top, palette] = given;
  if (grid.regions) {
    return grid.regions.painted((node) => {
      const level = Number.isFinite(map[node]) && top > 0 ? Math.min(1, Math.max(0, map[node] / top)) : 0;
      return `rgb(${tableOf(palette)[Math.round(level * 255)].join(" ")} / ${level})`;
    });
  }
  const { pixels, width, height } = heatPixels(...given);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}
