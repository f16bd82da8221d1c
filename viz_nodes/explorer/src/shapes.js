// Marks as shapes in output pixels, the same for every painter.

import { ribbon } from "./curves.js";

function starPoints(x, y, radius) {
  return Array.from({ length: 10 }, (_, i) => {
    const r = i % 2 ? radius * 0.45 : radius,
      angle = -Math.PI / 2 + (i * Math.PI) / 5;
    return [x + r * Math.cos(angle), y + r * Math.sin(angle)];
  });
}

/** Shapes in output pixels, the same for every painter: polygons, circles, boxes, each with fill and stroke. */
export function shapesOf(marks, frame) {
  const { left, top, width, height, unit: u } = frame;
  const X = (x) => left + x * width,
    Y = (y) => top + y * height;
  const rect = (box) => [X(box[0]), Y(box[1]), X(box[2]) - X(box[0]), Y(box[3]) - Y(box[1])];
  const shapes = [];
  for (const mark of marks) {
    if (mark.kind === "veil")
      shapes.push({
        type: "veil",
        outer: [left, top, width, height],
        holes: mark.holes.map(rect),
        fill: "#07080c",
        alpha: mark.alpha,
      });
    else if (mark.kind === "box") {
      const [x, y, w, h] = rect(mark.box);
      shapes.push({
        type: "rect",
        x,
        y,
        w,
        h,
        stroke: "#07080c",
        width: (mark.width + 1.6) * u,
        alpha: 0.55 * mark.alpha,
      });
      shapes.push({ type: "rect", x, y, w, h, stroke: mark.color, width: mark.width * u, alpha: mark.alpha });
    } else if (mark.kind === "edge") {
      const points = mark.points.map((value, i) => (i % 2 ? Y(value) : X(value)));
      if (mark.casing)
        shapes.push({
          type: "polygon",
          points: ribbon(points, (mark.width + 2) * u, (mark.width * 0.45 + 2) * u),
          fill: "#07080c",
          alpha: 0.55 * mark.alpha,
        });
      shapes.push({
        type: "polygon",
        points: ribbon(points, mark.width * u, mark.width * 0.45 * u),
        fill: mark.color,
        alpha: mark.alpha,
        edge: mark.edge,
      });
    } else if (mark.kind === "dot") {
      const r = Math.min(mark.radius * u, mark.most ? mark.most * width : Infinity);
      shapes.push({
        type: "circle",
        x: X(mark.x),
        y: Y(mark.y),
        r,
        fill: mark.fill,
        stroke: "#07080c",
        width: Math.min(1.2 * u, r / 2),
        alpha: mark.alpha,
      });
    } else if (mark.kind === "ring") {
      shapes.push({
        type: "circle",
        x: X(mark.x),
        y: Y(mark.y),
        r: mark.radius * u,
        stroke: "#07080c",
        width: 4 * u,
        alpha: 0.6,
      });
      shapes.push({
        type: "circle",
        x: X(mark.x),
        y: Y(mark.y),
        r: mark.radius * u,
        stroke: mark.color,
        width: 2 * u,
        alpha: 1,
      });
    } else if (mark.kind === "star") {
      shapes.push({
        type: "polygon",
        points: starPoints(X(mark.x), Y(mark.y), mark.radius * u),
        fill: mark.fill,
        stroke: "#07080c",
        width: 1.4 * u,
        alpha: 1,
      });
    }
  }
  return shapes;
}
