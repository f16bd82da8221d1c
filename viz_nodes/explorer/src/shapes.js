// Marks as shapes in output pixels, the same for every painter.

import { arrow, broken, trimmed } from "./curves.js";

/** Corners of a star of five points, and of a diamond. */
const corners = (x, y, radius, points, inner) =>
  Array.from({ length: 2 * points }, (_, i) => {
    const r = i % 2 ? radius * inner : radius;
    const angle = -Math.PI / 2 + (i * Math.PI) / points;
    return [x + r * Math.cos(angle), y + r * Math.sin(angle)];
  });

/** Shapes in output pixels: polygons, circles, boxes, each with fill and stroke. */
export function shapesOf(marks, frame) {
  return marks.flatMap((mark) => SHAPES[mark.kind](mark, new Scale(frame)));
}

class Scale {
  constructor({ left, top, width, height, unit }) {
    this.left = left;
    this.top = top;
    this.width = width;
    this.height = height;
    this.unit = unit;
  }

  at(x, y) {
    return [this.left + x * this.width, this.top + y * this.height];
  }

  rect(box) {
    const [x, y] = this.at(box[0], box[1]);
    return { x, y, w: (box[2] - box[0]) * this.width, h: (box[3] - box[1]) * this.height };
  }

  /** Points of a flat list x, y, ... */
  line(loop) {
    return Array.from({ length: loop.length / 2 }, (_, i) => this.at(loop[2 * i], loop[2 * i + 1]));
  }

  /** `size` units, but no more than the part `most` of the shorter side of a patch. */
  size(size, { most, cell }) {
    return Math.min(size * this.unit, most * Math.min(cell[0] * this.width, cell[1] * this.height));
  }
}

const SHAPES = {
  box(mark, scale) {
    const rect = mark.box.loops
      ? { type: "loops", loops: mark.box.loops.map((loop) => scale.line(loop)) }
      : { type: "rect", ...scale.rect(mark.box) };
    const width = mark.width * scale.unit;
    return [
      { ...rect, stroke: mark.casing, width: width + 1.6 * scale.unit, alpha: 0.7 },
      {
        ...rect,
        stroke: mark.color,
        width,
        alpha: mark.alpha,
        dash: mark.dash ? [3 * scale.unit, 3 * scale.unit] : null,
      },
    ];
  },
  fill(mark, scale) {
    const loops = mark.box.loops;
    const shape = loops
      ? { type: "loops", loops: loops.map((loop) => scale.line(loop)) }
      : { type: "rect", ...scale.rect(mark.box) };
    return [{ ...shape, fill: mark.color, alpha: mark.alpha }];
  },
  outline(mark, scale) {
    const shape = { type: "loops", loops: mark.loops.map((loop) => scale.line(loop)), alpha: 1 };
    const width = mark.width * scale.unit;
    const dash = mark.dash ? mark.dash.map((size) => size * scale.unit) : null;
    return [
      { ...shape, stroke: mark.casing, width: width + 1.4 * scale.unit },
      { ...shape, stroke: mark.color, width, dash },
    ];
  },
  edge(mark, scale) {
    const points = mark.points.map((value, i) => (i % 2 ? scale.at(0, value)[1] : scale.at(value, 0)[0]));
    const [skip, spare] = mark.gaps.map((gap) => gap.part * scale.size(gap.radius, gap));
    const line = trimmed(points, skip, spare + 1.5 * Math.min(1, spare) * scale.unit);
    const width = scale.size(mark.width, mark);
    const least = Math.min(6.5 * scale.unit, 0.22 * Math.min(mark.cell[0] * scale.width, mark.cell[1] * scale.height));
    const head = mark.headless
      ? null
      : { long: Math.max(least, 1.9 * width), wide: Math.max(0.55 * least, 0.95 * width) };
    const polygon = { type: "polygon", points: arrow(line, width, head), alpha: mark.alpha, edge: mark.edge };
    const casing = mark.casing
      ? { stroke: mark.casing, width: Math.min(1.8 * scale.unit, Math.max(0.8, 0.6 * width)) }
      : {};
    if (!mark.broken) return [{ ...polygon, fill: mark.color, ...casing }];
    const loops = broken(line, width, head, scale.unit);
    return [
      { ...polygon, edge: null, fill: mark.casing, ...casing },
      { type: "loops", loops, fill: mark.color, alpha: mark.alpha, edge: mark.edge },
    ];
  },
  dot(mark, scale) {
    const r = scale.size(mark.radius, mark);
    const [x, y] = scale.at(mark.x, mark.y);
    const hole = mark.hollow ? [{ type: "circle", x, y, r: 0.5 * r, fill: mark.hollow, alpha: mark.alpha }] : [];
    return [
      {
        type: "circle",
        x,
        y,
        r,
        fill: mark.fill,
        stroke: mark.rim,
        width: Math.min(1.4 * scale.unit, r / 1.5),
        alpha: mark.alpha,
      },
      ...hole,
    ];
  },
  ring(mark, scale) {
    const r = scale.size(mark.radius, mark);
    const [x, y] = scale.at(mark.x, mark.y);
    const width = Math.min(mark.width * scale.unit, 0.4 * r);
    return [
      { type: "circle", x, y, r, stroke: mark.casing, width: width + 1.4 * scale.unit, alpha: 0.8 },
      { type: "circle", x, y, r, stroke: mark.color, width, alpha: 1 },
    ];
  },
  star: (mark, scale) => pointed(mark, scale, 5, 0.45),
  diamond: (mark, scale) => pointed(mark, scale, 2, 0.72),
};

function pointed(mark, scale, points, inner) {
  const r = scale.size(mark.radius, mark);
  const shape = { type: "polygon", points: corners(...scale.at(mark.x, mark.y), r, points, inner) };
  return [{ ...shape, fill: mark.fill, stroke: mark.rim, width: Math.min(1.4 * scale.unit, 0.25 * r), alpha: 1 }];
}
