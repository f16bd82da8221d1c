// Photograph, map and patch grid: what lies below the marks, on screen and in saved pictures.

import { fieldOf, heatCanvas } from "./heatmap.js";
import { trace } from "./regions.js";

/**
 * What part of a photograph is shown and in which shape: all of it in its own aspect, or what the network saw in the
 * aspect that it saw.
 *
 * @returns {{ crop: number[], width: number, height: number, view: number[] }} `crop` in the photograph's pixels;
 *   `width` and `height` of what is shown; `view`, the network's view, in those.
 */
export function shownOf(image, [height, width], canvas) {
  if (canvas !== "input")
    return { crop: [0, 0, image.width, image.height], width: image.width, height: image.height, view: image.view };
  return { crop: image.view, width, height, view: [0, 0, width, height] };
}

/**
 * Where things lie in a picture shown `width` wide: the network's view, the photograph, and the unit of marks.
 * Zoomed in, `at` is in the middle as far as the picture reaches.
 *
 * @param {any} shown see `shownOf`.
 * @param {number} width
 * @param {{ zoom?: number, at?: number[] }} [state]
 */
export function frameOf(shown, width, { zoom = 1, at = [0.5, 0.5] } = {}) {
  const scale = (width / shown.width) * zoom;
  const tall = (width * shown.height) / shown.width;
  const [wide, high] = [shown.width * scale, shown.height * scale];
  const clip = (value, least) => Math.min(0, Math.max(least, value));
  const x = clip(width / 2 - at[0] * wide, width - wide);
  const y = clip(tall / 2 - at[1] * high, tall - high);
  const [left, top, right, bottom] = shown.view;
  return {
    left: x + left * scale,
    top: y + top * scale,
    width: (right - left) * scale,
    height: (bottom - top) * scale,
    unit: width / 640,
    picture: { x, y, width: wide, height: high },
    outer: { width, height: tall },
  };
}

/** A canvas fitted to the pixels of the element that holds it, cleared. */
export function sized(canvas, stage) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const width = Math.max(1, Math.round(stage.clientWidth * ratio));
  const height = Math.max(1, Math.round(stage.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Whether the network saw less than what is shown. */
export const isCropped = ({ width, height, view: [left, top, right, bottom] }) =>
  left > 0.5 || top > 0.5 || right < width - 0.5 || bottom < height - 0.5;

/** What lies below a map whose nodes do not lie where they are drawn: no photograph, which would say that they do. */
export const NO_GROUND = "#d5d7db";
/** Opacity of the outlines of regions. */
export const REGION_STRENGTH = 0.5;

/** Opacity of the patch grid's lines: fainter where there are many. */
export const gridStrength = ([, cols]) => (cols > 28 ? 0.1 : 0.2);

/** The photographs of a document, and each map as a small canvas, made once. */
export class Pictures {
  constructor(doc) {
    this.photographs = doc.images.map((image) => Object.assign(new Image(), { src: image.source, alt: "" }));
    this.ready = Promise.all(this.photographs.map((image) => image.decode().catch(() => {})));
    this.heats = new Map();
  }

  of(view) {
    return this.photographs[view.subject.image];
  }

  heat(state, view) {
    const { layer, rowKey } = view;
    const key = [rowKey, layer.place, state.palette, state.scale, state.smooth, state.field].join();
    if (!this.heats.has(key)) {
      if (this.heats.size > 160) this.heats.clear();
      const { values, grid, top } = fieldOf(state, view);
      this.heats.set(key, heatCanvas(values, grid, top, state.palette, state.smooth));
    }
    return this.heats.get(key);
  }

  /** Photograph, map and patch grid into `context`, by a frame of `frameOf`. */
  paint(context, state, view, frame, { lines = state.grid, opacity = state.opacity } = {}) {
    const { shown, layer } = view;
    const photograph = this.of(view);
    const { picture } = frame;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    if (layer.placed === false) {
      context.fillStyle = NO_GROUND;
      context.fillRect(frame.left, frame.top, frame.width, frame.height);
    } else if (photograph.complete && photograph.naturalWidth) {
      const [left, top, right, bottom] = shown.crop;
      context.drawImage(
        photograph,
        left,
        top,
        right - left,
        bottom - top,
        picture.x,
        picture.y,
        picture.width,
        picture.height,
      );
    }
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = state.smooth;
    if (opacity > 0) context.drawImage(this.heat(state, view), frame.left, frame.top, frame.width, frame.height);
    context.globalAlpha = 1;
    if (lines) paintGrid(context, layer.grid, frame);
    if (isCropped(shown)) paintFrame(context, frame);
  }

  end() {
    this.heats.clear();
    for (const image of this.photographs) image.removeAttribute("src");
  }
}

function paintGrid(context, grid, { left, top, width, height, unit }) {
  const [rows, cols] = grid;
  context.beginPath();
  if (grid.regions) {
    for (const box of grid.regions.boxes) trace(context, box, left, top, width, height);
    context.strokeStyle = `rgba(255, 255, 255, ${REGION_STRENGTH})`;
    context.lineWidth = Math.max(0.5, 0.8 * unit);
    context.stroke();
    return;
  }
  for (let c = 0; c <= cols; c++) {
    context.moveTo(left + (c * width) / cols, top);
    context.lineTo(left + (c * width) / cols, top + height);
  }
  for (let r = 0; r <= rows; r++) {
    context.moveTo(left, top + (r * height) / rows);
    context.lineTo(left + width, top + (r * height) / rows);
  }
  context.strokeStyle = `rgba(255, 255, 255, ${gridStrength([rows, cols])})`;
  context.lineWidth = Math.max(0.5, 0.8 * unit);
  context.stroke();
}

/** A line around what the network saw: outside of it the photograph is only there to be recognized. */
function paintFrame(context, { left, top, width, height, unit }) {
  for (const [color, dash] of /** @type {[string, number[]][]} */ ([
    ["#16181d", []],
    ["#ffffff", [6 * unit, 6 * unit]],
  ])) {
    context.strokeStyle = color;
    context.lineWidth = 1.6 * unit;
    context.setLineDash(dash);
    context.strokeRect(left, top, width, height);
  }
  context.setLineDash([]);
}
