// Shapes as SVG elements.

import { edgeWords } from "./sentences.js";

export const SVG = "http://www.w3.org/2000/svg";

/** @returns {any} */
export function svgNode(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, typeof value === "number" ? String(Number(value.toFixed(3))) : value);
  }
  node.append(...children);
  return node;
}

export function svgShapes(shapes) {
  const round = (value) => Number(value.toFixed(2));
  return shapes.map((shape) => {
    const look = { fill: shape.fill ?? "none", opacity: shape.alpha };
    if (shape.stroke) {
      const width = shape.fill ? 2 * shape.width : shape.width;
      Object.assign(look, {
        stroke: shape.stroke,
        "stroke-width": width,
        "stroke-linejoin": "round",
        "paint-order": "stroke",
        ...(shape.dash ? { "stroke-dasharray": shape.dash.map(round).join(" ") } : {}),
      });
    }
    if (shape.type === "rect")
      return svgNode("rect", { ...look, x: shape.x, y: shape.y, width: shape.w, height: shape.h });
    if (shape.type === "circle") return svgNode("circle", { ...look, cx: shape.x, cy: shape.y, r: shape.r });
    const line = (points) => `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}Z`;
    const node = svgNode("path", { ...look, d: (shape.loops ?? [shape.points]).map(line).join("") });
    if (shape.edge) {
      const { edge } = shape;
      for (const key of ["layer", "from", "to", "rank", "hop"]) node.setAttribute(`data-${key}`, String(edge[key]));
      node.append(svgNode("title", {}, edgeWords(edge)));
    }
    return node;
  });
}
