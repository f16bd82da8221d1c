// What is drawn above the photograph, as a list of marks in fractions of the network's view and in units `u`
// (1/640 of the shown width). Canvas and SVG paint the same list. No mark is larger than a part of its patch (`most`),
// so that the edge to an adjacent patch is seen on fine grids too.

import { colorAt, css, PALETTES, toward } from "./colors.js";
import { controlOf } from "./curves.js";
import { boxOf, centerOf, keyOf, sameBox } from "./geometry.js";
import { signOf, strengthOf, topOf } from "./quantities.js";
import { setMarks } from "./sets.js";
import { known } from "./words.js";

const DOT = { radius: 3.6, most: 0.13 };
const SPECK = { radius: 2.4, most: 0.1 };
const STAR = { radius: 9, most: 0.38 };
const IDLE_STAR = { radius: 9, most: 0.7 };
const DIAMOND = { radius: 7, most: 0.36 };
const RING = { radius: 13, most: 0.48 };
/** How far the colors of a further hop are moved toward the page. */
const PALE = 0.35;

/** Width in units by how strong an edge is, from 0 to 1: linear, so that twice the share is twice as strong. */
export const widthOf = (strength) => 1.4 + 11 * Math.min(1, Math.max(0, strength));
const opacityOf = (strength) => 0.55 + 0.45 * Math.min(1, strength / 0.2);
const strongOf = (view, edge) => strengthOf(edge, view.by.width, view.by.top);
/** Whether an edge is against the class: its shaft is broken and its dot hollow, which gray print keeps. */
const isAgainst = (view, edge) => edge.hop === 1 && edge[signOf(view.by)] < 0;
const cellOf = (box) => box.cell ?? [box[2] - box[0], box[3] - box[1]];

/** Marks of a pane: patches, edges, dots, centers. With `mini` those of a small one, drawn coarsely. */
export function sceneOf(view, { mini = false } = {}) {
  if (view.sets?.length && !mini) return setScene(view);
  const colorOf = edgeColors(view);
  const drawn = view.edges
    .filter((edge) => !edge.itself)
    .sort((a, b) => b.hop - a.hop || strongOf(view, a) - strongOf(view, b));
  const ringed = new Set(view.edges.filter((edge) => edge.itself && edge.hop === 1).map((edge) => edge.center));
  if (mini) return [...drawn.map((edge) => miniEdge(view, edge, colorOf)), ...miniCenters(view)];
  return [
    ...patchMarks(view, colorOf),
    ...drawn.map((edge) => edgeMark(view, edge, colorOf, ringed)),
    ...dotMarks(view, drawn, colorOf),
    ...centerMarks(view, colorOf),
  ];
}

/** Marks of a pane whose first center hears hyperedges: these as sets, in the place of edges to their members. */
function setScene(view) {
  const bare = { ...view, edges: [], lit: null };
  const colorOf = edgeColors(bare);
  return [...setMarks(view), ...patchMarks(bare, colorOf), ...centerMarks(bare, colorOf)];
}

/** Outlines: of pooled key nodes, which are larger than patches, of the centers, of what is pointed at. */
function patchMarks(view, colorOf) {
  const { layer, actives, edges, hover, lit, theme } = view;
  const marks = (view.alike ?? []).map(({ box }) => ({ kind: "box", box, color: theme.muted, width: 1.2, dash: true }));
  const pooled = layer.grid.join() !== layer.key_grid.join();
  for (const edge of edges) {
    if (edge.hop > 1 || edge.itself || !(pooled || edge === lit)) continue;
    const box = view.out ? edge.toBox : edge.fromBox;
    marks.push({ kind: "box", box, color: colorOf(edge), width: edge === lit ? 2.6 : 1.2 });
  }
  for (const { box, color } of actives) marks.push({ kind: "box", box, color, width: 1.6 });
  if (hover && !actives.some((active) => sameBox(active.box, hover))) {
    marks.push({ kind: "box", box: hover, color: theme.ink, width: 1.6 });
  }
  return marks.map((mark) => ({ ...mark, casing: theme.casing, alpha: 1 }));
}

/** An edge from its own dot to the mark at its center, where its head is. */
function edgeMark(view, edge, colorOf, ringed) {
  const { lit, theme, out } = view;
  const near = edge.hop === 1;
  const small = near ? DOT : SPECK;
  const center = centerMark(view, edge, ringed);
  const ends = near ? (out ? [center, small] : [small, center]) : [small, out ? small : DOT];
  const boxes = [edge.fromBox, edge.toBox];
  return {
    kind: "edge",
    edge,
    broken: isAgainst(view, edge),
    casing: theme.casing,
    color: colorOf(edge),
    points: curveOf(edge, view.aspect),
    gaps: ends.map((mark, i) => ({ ...mark, cell: cellOf(boxes[i]), part: mark === small && i === 0 ? 0.6 : 1 })),
    width: (near ? 1 : 0.62) * widthOf(strongOf(view, edge)) + (edge === lit ? 1.5 : 0),
    most: 0.26,
    cell: cellOf(edge.fromBox),
    alpha: (lit && edge !== lit ? 0.45 : 1) * (near ? 1 : 0.75 ** (edge.hop - 1)) * opacityOf(strongOf(view, edge)),
  };
}

/** How much room the mark at an edge's center takes: its ring where it has one. */
function centerMark({ layer, row, out }, edge, ringed) {
  if (ringed.has(edge.center)) return RING;
  return row.layers[layer.place].peak === (out ? edge.from : edge.to) ? STAR : DIAMOND;
}

function curveOf({ x0, y0, x1, y1, bend }, aspect) {
  const [cx, cy] = controlOf(x0, y0, x1, y1, bend, aspect);
  return [x0, y0, cx, cy, x1, y1];
}

/** A dot at the far end of each edge, once a place. */
function dotMarks(view, edges, colorOf) {
  const seen = new Set();
  const marks = [];
  for (const edge of edges) {
    const box = view.out ? edge.toBox : edge.fromBox;
    const key = `${keyOf(box)},${edge.hop}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const [x, y] = centerOf(box);
    const size = edge.hop === 1 ? DOT : SPECK;
    marks.push({
      kind: "dot",
      x,
      y,
      ...size,
      cell: cellOf(box),
      fill: colorOf(edge),
      rim: view.theme.casing,
      hollow: isAgainst(view, edge) ? view.theme.casing : null,
      alpha: 1,
    });
  }
  return marks;
}

/** The centers: a star for the peak, a diamond for another; a ring for an edge to itself, as wide as that edge. */
function centerMarks(view, colorOf) {
  const { layer, row, actives, edges, theme } = view;
  const marks = [];
  const { peak } = row.layers[layer.place];
  const cell = cellOf(boxOf(layer.grid, 0));
  for (const active of actives) {
    const own = edges.find((edge) => edge.itself && edge.hop === 1 && sameBox(edge.toBox, active.box));
    const at = { x: active.x, y: active.y, cell };
    if (own)
      marks.push({
        kind: "ring",
        ...at,
        ...RING,
        color: colorOf(own),
        width: widthOf(strongOf(view, own)),
        casing: theme.casing,
      });
    if (active.node !== peak) marks.push({ kind: "diamond", ...at, ...DIAMOND, fill: active.color, rim: theme.rim });
  }
  if (peak < 0) return marks;
  const [x, y] = centerOf(boxOf(layer.grid, peak));
  const active = actives.find((each) => each.node === peak);
  const fill = active && actives.length > 1 ? active.color : theme.peak;
  return [...marks, { kind: "star", x, y, cell, ...(active ? STAR : IDLE_STAR), fill, rim: theme.rim }];
}

function miniEdge(view, edge, colorOf) {
  const points = curveOf(edge, 1);
  const gap = { radius: 0, most: 1, cell: [1, 1], part: 1 };
  return {
    kind: "edge",
    points,
    gaps: [gap, gap],
    color: colorOf(edge),
    width: 7 + 16 * strongOf(view, edge),
    most: 1,
    cell: [1, 1],
    alpha: 1,
    headless: true,
  };
}

function miniCenters({ actives, layer, row, theme }) {
  const { peak } = row.layers[layer.place];
  const cell = [1, 1];
  const marks = actives
    .filter((active) => active.node !== peak)
    .map(({ x, y, color }) => ({ kind: "diamond", x, y, cell, radius: 36, most: 1, fill: color, rim: theme.rim }));
  if (peak < 0) return marks;
  const [x, y] = centerOf(boxOf(layer.grid, peak));
  return [...marks, { kind: "star", x, y, cell, radius: 48, most: 1, fill: theme.peak, rim: theme.rim }];
}

/** The color of an edge: that of 0 where what it is colored by is unknown, paler for further hops. */
export function edgeColors(view) {
  const { theme, edges } = view;
  const by = view.by.color;
  const top = topOf(edges, by === "rank" ? "nth" : by);
  const plain = (edge) => {
    if (by === "center") return theme.centers[edge.center % theme.centers.length];
    if (by === "share") return css(colorAt(PALETTES.cividis, known(edge.share) ? 0.3 + 0.7 * edge.share : 0));
    if (by === "rank") return css(colorAt(PALETTES.cividis, 1 - (0.7 * Math.max(0, edge.nth - 1)) / top));
    return css(colorAt(theme.diverging, 0.5 + (known(edge[by]) ? (0.5 * edge[by]) / top : 0)));
  };
  return (edge) => (edge.hop > 1 ? toward(plain(edge), theme.veil, PALE) : plain(edge));
}
