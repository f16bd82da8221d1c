// Photograph, map and patch grid: what lies below the marks, on screen and in saved pictures.

import { heatCanvas, topOf } from "./heatmap.js";

/** Where the network's view lies in a picture shown `width` wide. */
export function frameOf({ image }, width) {
  const scale = width / image.width;
  const [left, top, right, bottom] = image.view;
  return {
    left: left * scale,
    top: top * scale,
    width: (right - left) * scale,
    height: (bottom - top) * scale,
    unit: width / 640,
    scale,
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
    const { row, layer, rowKey } = view;
    const key = [rowKey, layer.place, state.palette, state.scale, state.smooth].join();
    if (!this.heats.has(key)) {
      if (this.heats.size > 160) this.heats.clear();
      this.heats.set(
        key,
        heatCanvas(
          row.layers[layer.place].cam,
          layer.grid,
          topOf(row, layer, state.scale),
          state.palette,
          state.smooth,
        ),
      );
    }
    return this.heats.get(key);
  }

  /** Photograph, map and patch grid into `context`, `width` wide. */
  paint(context, state, view, width, { lines = state.grid, opacity = state.opacity } = {}) {
    const { image, layer } = view;
    const photograph = this.of(view);
    const box = frameOf(view, width);
    const height = image.height * box.scale;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    if (photograph.complete && photograph.naturalWidth) context.drawImage(photograph, 0, 0, width, height);
    const outside =
      box.left > 0.5 || box.top > 0.5 || box.left + box.width < width - 0.5 || box.top + box.height < height - 0.5;
    if (outside) {
      context.fillStyle = "rgba(7, 8, 12, 0.6)";
      context.beginPath();
      context.rect(0, 0, width, height);
      context.rect(box.left, box.top, box.width, box.height);
      context.fill("evenodd");
    }
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = state.smooth;
    if (opacity > 0) context.drawImage(this.heat(state, view), box.left, box.top, box.width, box.height);
    context.globalAlpha = 1;
    if (lines) paintGrid(context, layer.grid, box);
  }

  end() {
    this.heats.clear();
    for (const image of this.photographs) image.removeAttribute("src");
  }
}

export const gridStrength = ([, cols]) => (cols > 28 ? 0.1 : 0.2);

function paintGrid(context, [rows, cols], box) {
  context.beginPath();
  for (let c = 0; c <= cols; c++) {
    context.moveTo(box.left + (c * box.width) / cols, box.top);
    context.lineTo(box.left + (c * box.width) / cols, box.top + box.height);
  }
  for (let r = 0; r <= rows; r++) {
    context.moveTo(box.left, box.top + (r * box.height) / rows);
    context.lineTo(box.left + box.width, box.top + (r * box.height) / rows);
  }
  context.strokeStyle = `rgba(255, 255, 255, ${gridStrength([rows, cols])})`;
  context.lineWidth = Math.max(0.5, 0.8 * box.unit);
  context.stroke();
}
