// A view as a picture to keep: SVG with the edges as vectors, PNG of any size.

import { paintShapes } from "./canvas.js";
import { frameOf, gridStrength } from "./painting.js";
import { sceneOf } from "./scene.js";
import { captionOf } from "./sentences.js";
import { shapesOf } from "./shapes.js";
import { SVG, svgNode, svgShapes } from "./svg.js";

const WIDTH = 640;
const GAP = 24;
const CAPTION = 40;
const INK = "#16181d";
const MOST_PIXELS = 16000;

/** Size of an exported picture and where its panes lie, in units of scale 1. */
export function sheetOf(views) {
  const tallest = Math.max(...views.map(({ image }) => (WIDTH * image.height) / image.width));
  const parts = views.map((view, i) => ({ view, left: i * (WIDTH + GAP) }));
  return { parts, width: views.length * (WIDTH + GAP) - GAP, height: tallest + CAPTION };
}

/** A caption as at most two lines, broken between its parts. */
export function linesOf(text, most) {
  const result = [""];
  for (const word of text.split(" · ")) {
    const last = result[result.length - 1];
    const longer = last ? `${last} · ${word}` : word;
    if (longer.length <= most || !last) result[result.length - 1] = longer;
    else result.push(word);
  }
  return result.slice(0, 2);
}

export function svgOf(doc, state, pictures, views, scale = 1) {
  const { parts, width, height } = sheetOf(views);
  const node = svgNode("svg", {
    xmlns: SVG,
    width: width * scale,
    height: height * scale,
    viewBox: `0 0 ${width} ${height}`,
  });
  node.append(svgNode("title", {}, doc.title), svgNode("rect", { width, height, fill: "#ffffff" }));
  parts.forEach(({ view, left }, which) => {
    const box = frameOf(view, WIDTH);
    const tall = view.image.height * box.scale;
    const group = svgNode("g", { transform: `translate(${left} 0)`, "data-pane": String(which) });
    group.append(
      svgNode("image", { href: view.image.source, width: WIDTH, height: tall, preserveAspectRatio: "none" }),
    );
    if (state.opacity > 0) group.append(heatNode(pictures.heat(state, view), state, box));
    if (state.grid) group.append(gridNode(view.layer.grid, box));
    group.append(...svgShapes(shapesOf(sceneOf({ ...view, hover: null }), box)));
    linesOf(captionOf(state, view), 92).forEach((text, i) => {
      group.append(
        svgNode(
          "text",
          { x: 2, y: tall + 16 + 16 * i, "font-family": "system-ui, sans-serif", "font-size": 13, fill: INK },
          text,
        ),
      );
    });
    node.append(group);
  });
  return new XMLSerializer().serializeToString(node);
}

function heatNode(heat, state, box) {
  const node = svgNode("image", {
    href: heat.toDataURL(),
    x: box.left,
    y: box.top,
    width: box.width,
    height: box.height,
    opacity: state.opacity,
    preserveAspectRatio: "none",
  });
  if (!state.smooth) node.setAttribute("image-rendering", "pixelated");
  return node;
}

function gridNode([rows, cols], box) {
  const { left, top, width, height } = box;
  const down = Array.from(
    { length: cols + 1 },
    (_, c) => `M${(left + (c * width) / cols).toFixed(2)} ${top.toFixed(2)}v${height.toFixed(2)}`,
  );
  const across = Array.from(
    { length: rows + 1 },
    (_, r) => `M${left.toFixed(2)} ${(top + (r * height) / rows).toFixed(2)}h${width.toFixed(2)}`,
  );
  const look = { stroke: "#ffffff", "stroke-opacity": gridStrength([rows, cols]), "stroke-width": 0.8, fill: "none" };
  return svgNode("path", { d: [...down, ...across].join(""), ...look });
}

export function pngOf(state, pictures, views, scale = 1) {
  const { parts, width, height } = sheetOf(views);
  const real = Math.min(scale, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * real);
  canvas.height = Math.round(height * real);
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const { view, left } of parts) {
    const wide = WIDTH * real;
    const tall = (view.image.height * wide) / view.image.width;
    context.save();
    context.translate(left * real, 0);
    pictures.paint(context, state, view, wide);
    paintShapes(context, shapesOf(sceneOf({ ...view, hover: null }), frameOf(view, wide)));
    context.fillStyle = INK;
    context.font = `${13 * real}px system-ui, sans-serif`;
    linesOf(captionOf(state, view), 92).forEach((text, i) => {
      context.fillText(text, 2 * real, tall + (16 + 16 * i) * real);
    });
    context.restore();
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
