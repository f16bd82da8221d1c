// A view as a picture to keep: SVG with the edges as vectors, PNG of any size. Both hold bars, key and caption, on white.

import { paintShapes } from "./canvas.js";
import { barsOf, keyOf, keyShapes, widthWords } from "./legend.js";
import { frameOf, gridStrength, isCropped, NO_GROUND, REGION_STRENGTH } from "./painting.js";
import { sceneOf } from "./scene.js";
import { captionOf } from "./sentences.js";
import { shapesOf } from "./shapes.js";
import { SVG, svgNode, svgShapes } from "./svg.js";
import { SEPARATOR } from "./words.js";

const WIDTH = 640;
const GAP = 24;
const LINE = 16;
/** What stands below a picture: bars, key, two lines of caption. */
const BELOW = 8 + 22 + 22 + 2 * LINE + 6;
const SIZE = 12;
const FONT = "system-ui, sans-serif";
const LETTERS = 100;
const MOST_PIXELS = 16000;

/** Size of an exported picture and where its panes lie, in units of scale 1. */
export function sheetOf(views) {
  const tall = ({ shown }) => (WIDTH * shown.height) / shown.width;
  const parts = views.map((view, i) => ({ view, left: i * (WIDTH + GAP), tall: tall(view) }));
  return {
    parts,
    width: views.length * (WIDTH + GAP) - GAP,
    height: Math.max(...parts.map((part) => part.tall)) + BELOW,
  };
}

/** A caption as at most two lines, broken between its parts. */
export function linesOf(text, most) {
  const result = [""];
  for (const word of text.split(SEPARATOR)) {
    const last = result[result.length - 1];
    const longer = last ? `${last}${SEPARATOR}${word}` : word;
    if (longer.length <= most || !last) result[result.length - 1] = longer;
    else result.push(word);
  }
  return [result[0], result.slice(1).join(SEPARATOR)].filter(Boolean);
}

/**
 * Bars, key and caption of a view as texts, gradients and marks, in units, from the picture's lower edge down.
 *
 * @returns {{ texts: { x: number, y: number, text: string }[], bars: { x: number, y: number, width: number,
 *   height: number, bar: any }[], marks: any[] }}
 */
export function footOf(state, view) {
  const texts = [];
  const bars = [];
  const marks = [];
  let x = 2;
  const write = (text, y) => {
    if (text) texts.push({ x, y, text });
    x += text ? text.length * SIZE * 0.54 + 8 : 0;
  };
  for (const bar of Object.values(barsOf(state, view))) {
    write(bar.label, 20);
    write(bar.low, 20);
    bars.push({ x, y: 11, width: 110, height: 10, bar });
    x += 118;
    write(bar.high, 20);
    x += 14;
  }
  x = 2;
  write(widthWords(view), 42);
  for (const { kind, words, width } of keyOf(view)) {
    marks.push({ kind, x, y: 38, width });
    x += kind === "width" ? 40 : 22;
    write(words, 42);
    x += 6;
  }
  linesOf(captionOf(state, view), LETTERS).forEach((text, i) => {
    texts.push({ x: 2, y: 64 + LINE * i, text });
  });
  return { texts, bars, marks };
}

/** Shapes of the key's marks, `top` being the picture's lower edge. */
const marksBelow = (marks, view, top) =>
  marks.flatMap((mark) => keyShapes(mark, view, { left: mark.x, top: top + mark.y - 8 }));

let gradients = 0;

export function svgOf(doc, state, pictures, views, scale = 1) {
  const { parts, width, height } = sheetOf(views);
  const node = svgNode("svg", {
    xmlns: SVG,
    width: width * scale,
    height: height * scale,
    viewBox: `0 0 ${width} ${height}`,
  });
  node.append(svgNode("title", {}, doc.title), svgNode("rect", { width, height, fill: "#ffffff" }));
  parts.forEach(({ view, left, tall }, which) => {
    const frame = frameOf(view.shown, WIDTH, state);
    const inside = svgNode("svg", { width: WIDTH, height: tall, viewBox: `0 0 ${WIDTH} ${tall}` });
    inside.append(view.layer.placed === false ? groundNode(frame) : photographNode(view, frame));
    if (state.opacity > 0) inside.append(heatNode(pictures.heat(state, view), state, frame));
    if (state.grid) inside.append(gridNode(view.layer.grid, frame));
    if (isCropped(view.shown)) inside.append(...outlineNodes(frame));
    inside.append(...svgShapes(shapesOf(sceneOf({ ...view, hover: null }), frame)));
    const group = svgNode("g", { transform: `translate(${left} 0)`, "data-pane": String(which) }, inside);
    group.append(...footNodes(state, view, tall));
    node.append(group);
  });
  return new XMLSerializer().serializeToString(node);
}

function photographNode({ image, shown }, { picture }) {
  const [left, top, right, bottom] = shown.crop;
  const place = {
    x: picture.x,
    y: picture.y,
    width: picture.width,
    height: picture.height,
    preserveAspectRatio: "none",
  };
  const whole = svgNode("image", {
    href: image.source,
    width: image.width,
    height: image.height,
    preserveAspectRatio: "none",
  });
  return svgNode("svg", { ...place, viewBox: `${left} ${top} ${right - left} ${bottom - top}` }, whole);
}

const groundNode = ({ left, top, width, height }) =>
  svgNode("rect", { x: left, y: top, width, height, fill: NO_GROUND });

function heatNode(heat, state, { left, top, width, height }) {
  const place = { x: left, y: top, width, height, preserveAspectRatio: "none" };
  const node = svgNode("image", { href: heat.toDataURL(), ...place, opacity: state.opacity });
  if (!state.smooth) node.setAttribute("image-rendering", "pixelated");
  return node;
}

function gridNode(grid, { left, top, width, height }) {
  const [rows, cols] = grid;
  if (grid.regions) {
    const point = (loop, i) => `${(left + loop[i] * width).toFixed(2)} ${(top + loop[i + 1] * height).toFixed(2)}`;
    const line = (loop) => `M${Array.from({ length: loop.length / 2 }, (_, i) => point(loop, 2 * i)).join("L")}Z`;
    const d = grid.regions.boxes.flatMap(({ loops }) => loops.map(line)).join("");
    return svgNode("path", {
      d,
      stroke: "#ffffff",
      "stroke-opacity": REGION_STRENGTH,
      "stroke-width": 0.8,
      fill: "none",
    });
  }
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

function outlineNodes({ left, top, width, height }) {
  const rect = { x: left, y: top, width, height, fill: "none", "stroke-width": 1.6 };
  return [
    svgNode("rect", { ...rect, stroke: "#16181d" }),
    svgNode("rect", { ...rect, stroke: "#ffffff", "stroke-dasharray": "6 6" }),
  ];
}

function footNodes(state, view, top) {
  const { texts, bars, marks } = footOf(state, view);
  const nodes = texts.map(({ x, y, text }) =>
    svgNode("text", { x, y: top + y, "font-family": FONT, "font-size": SIZE, fill: view.theme.ink }, text),
  );
  for (const { x, y, width, height, bar } of bars) {
    const id = `vge-bar-${++gradients}`;
    const gradient = svgNode("linearGradient", { id });
    for (const [offset, color] of offsetsOf(bar)) gradient.append(svgNode("stop", { offset, "stop-color": color }));
    nodes.push(gradient, svgNode("rect", { x, y: top + y, width, height, fill: `url(#${id})` }));
  }
  return [...nodes, ...svgShapes(marksBelow(marks, view, top))];
}

/** Colors of a bar with their places from 0 to 1. */
const offsetsOf = ({ stops, sharp }) =>
  stops.flatMap((color, i) =>
    sharp || stops.length === 1
      ? [
          [i / stops.length, color],
          [(i + 1) / stops.length, color],
        ]
      : [[i / (stops.length - 1), color]],
  );

export function pngOf(state, pictures, views, scale = 1) {
  const { parts, width, height } = sheetOf(views);
  const real = Math.min(scale, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * real);
  canvas.height = Math.round(height * real);
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const { view, left, tall } of parts) {
    const frame = frameOf(view.shown, WIDTH * real, state);
    context.save();
    context.translate(left * real, 0);
    context.save();
    context.beginPath();
    context.rect(0, 0, WIDTH * real, tall * real);
    context.clip();
    pictures.paint(context, state, view, frame);
    paintShapes(context, shapesOf(sceneOf({ ...view, hover: null }), frame));
    context.restore();
    context.scale(real, real);
    paintFoot(context, state, view, tall);
    context.restore();
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function paintFoot(context, state, view, top) {
  const { texts, bars, marks } = footOf(state, view);
  context.fillStyle = view.theme.ink;
  context.font = `${SIZE}px ${FONT}`;
  for (const { x, y, text } of texts) context.fillText(text, x, top + y);
  for (const { x, y, width, height, bar } of bars) {
    const gradient = context.createLinearGradient(x, 0, x + width, 0);
    for (const [offset, color] of offsetsOf(bar)) gradient.addColorStop(offset, color);
    context.fillStyle = gradient;
    context.fillRect(x, top + y, width, height);
  }
  paintShapes(context, marksBelow(marks, view, top));
}
