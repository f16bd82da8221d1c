// What is drawn above the photograph, as a list of marks in fractions of the network's view and in units `u`
// (1/640 of the shown width). Canvas and SVG paint the same list.

import { CENTERS, colorAt, css, DIVERGING, PALETTES, PLAIN_EDGE } from "./colors.js";
import { controlOf } from "./curves.js";
import { boxOf, centerOf } from "./geometry.js";
import { known } from "./words.js";

/** Marks of a pane: veil with holes, patches, edges, dots, centers. */
export function sceneOf(pane, { mini = false } = {}) {
  const marks = [];
  const { layer, row, actives, edges, hover, lit } = pane;
  const strongest = edges.reduce((top, edge) => Math.max(top, edge.weight || 0), 1e-9);
  const colorOf = edgeColors(pane, edges);
  const cell = 1 / layer.grid[1];
  if (!mini) {
    if (actives.length) {
      const holes = [
        ...actives.map((active) => active.box),
        ...edges.filter((e) => e.hop === 1).map((e) => (pane.out ? e.toBox : e.fromBox)),
      ];
      marks.push({ kind: "veil", holes: unique(holes), alpha: 0.38 });
    }
    for (const edge of edges) {
      if (edge.hop > 1 || edge.itself) continue;
      marks.push({
        kind: "box",
        box: pane.out ? edge.toBox : edge.fromBox,
        color: colorOf(edge),
        width: edge === lit ? 3 : 1.4,
        alpha: 0.95,
      });
    }
  }
  const order = [...edges].sort((a, b) => b.hop - a.hop || a.weight - b.weight);
  for (const edge of order) {
    if (edge.itself) continue;
    const strength = Math.sqrt((edge.weight || 0) / strongest);
    const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, edge.bend);
    const dim = lit && edge !== lit ? 0.45 : 1;
    marks.push({
      kind: "edge",
      edge,
      points: [edge.x0, edge.y0, cx, cy, edge.x1, edge.y1],
      color: colorOf(edge),
      width: mini
        ? 8 + 13 * strength
        : (edge.hop === 1 ? 1.4 + 6.6 * strength : 0.8 + 3.4 * strength) + (edge === lit ? 1.5 : 0),
      alpha: dim * (edge.hop === 1 ? 0.5 + 0.5 * strength : 0.28 + 0.5 * strength),
      casing: !mini && edge.hop === 1,
    });
  }
  if (!mini) {
    const seen = new Set();
    for (const edge of order) {
      const [x, y] = pane.out ? [edge.x1, edge.y1] : [edge.x0, edge.y0];
      const key = `${x},${y},${edge.hop}`;
      if (edge.itself || seen.has(key)) continue;
      seen.add(key);
      marks.push({
        kind: "dot",
        x,
        y,
        radius: edge.hop === 1 ? 3.6 : 2.4,
        most: cell * 0.3,
        fill: colorOf(edge),
        alpha: edge.hop === 1 ? 1 : 0.8,
      });
    }
  }
  const peak = row.layers[layer.place].peak;
  for (const active of actives) {
    if (edges.some((edge) => edge.itself && edge.hop === 1 && sameBox(edge.toBox, active.box)) && !mini) {
      marks.push({ kind: "ring", x: active.x, y: active.y, radius: 11, color: active.color });
    }
    if (!mini) marks.push({ kind: "box", box: active.box, color: active.color, width: 2.2, alpha: 1 });
    if (active.node !== peak)
      marks.push({ kind: "dot", x: active.x, y: active.y, radius: mini ? 24 : 5.5, fill: active.color, alpha: 1 });
  }
  if (peak >= 0) {
    const [x, y] = centerOf(boxOf(layer.grid, peak));
    const active = actives.find((each) => each.node === peak);
    marks.push({ kind: "star", x, y, radius: mini ? 44 : active ? 11 : 8, fill: active ? active.color : CENTERS[0] });
  }
  if (!mini && hover && !actives.some((active) => sameBox(active.box, hover)))
    marks.push({ kind: "box", box: hover, color: "#ffffff", width: 2, alpha: 1 });
  return marks;
}

export const sameBox = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 1e-6);
const holds = (a, b) => a[0] <= b[0] + 1e-6 && a[1] <= b[1] + 1e-6 && a[2] >= b[2] - 1e-6 && a[3] >= b[3] - 1e-6;

/** Each box once, and none that lies within another (holes of a veil must not overlap). */
function unique(boxes) {
  const once = [...new Map(boxes.map((box) => [box.join(), box])).values()];
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  const least = Math.min(...once.map(area));
  const large = once.filter((box) => area(box) > 1.5 * least);
  return once.filter((box) => !large.some((other) => other !== box && holds(other, box)));
}

/** What edges are colored by: contribution around 0, share, or the center they belong to. */
export const edgeColoring = (pane) =>
  pane.color !== "auto" ? pane.color : pane.actives.length > 1 ? "center" : "contribution";

function edgeColors(pane, edges) {
  const by = edgeColoring(pane);
  if (by === "center") return (edge) => CENTERS[edge.center % CENTERS.length];
  if (by === "share")
    return (edge) => (known(edge.share) ? css(colorAt(PALETTES.cividis, 0.35 + 0.65 * edge.share)) : PLAIN_EDGE);
  const top = contributionTop(edges);
  return (edge) =>
    known(edge.contribution) ? css(colorAt(DIVERGING, 0.5 + (0.5 * edge.contribution) / top)) : PLAIN_EDGE;
}
/** Where the color scale of contributions ends; further hops, of layers with gradients of their own, are cut off there. */
export const contributionTop = (edges) =>
  edges.reduce((top, edge) => (edge.hop > 1 ? top : Math.max(top, Math.abs(edge.contribution) || 0)), 0) || 1;
