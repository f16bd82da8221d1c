// What a pane looks at: subject, class and layer, the patches asked about, and their edges.

import { THEMES } from "./colors.js";
import { fan } from "./curves.js";
import { edgesOf } from "./edges.js";
import { boxOf, centerOf, nodeAt, sameBox, sameGrid, spotOf } from "./geometry.js";
import { shownOf } from "./painting.js";
import { colorBy, orderOf, widthBy, widthTop } from "./quantities.js";
import { setsOf } from "./sets.js";
import { rowOf } from "./state.js";

/** Subject, row and layer of a pane; null for a second pane that is not asked for. */
export function viewOf(doc, state, which, theme = THEMES.light) {
  if (which === 1 && !state.with) return null;
  const asked = which === 0 ? state : state.with;
  const subject = doc.subjects[asked.subject];
  const row = rowOf(subject, asked.target, asked.method);
  const image = doc.images[subject.image];
  const shown = shownOf(image, subject.size, state.canvas);
  const [left, top, right, bottom] = shown.view;
  return {
    subject,
    row,
    layer: layerOf(doc, state, subject, which),
    image,
    shown,
    theme,
    aspect: (right - left) / (bottom - top),
    rowKey: `${asked.subject}.${subject.rows.indexOf(row)}`,
    out: state.out,
    by: null,
  };
}

/** The layer a pane shows; in the second pane of another depth the one as far through its network. */
function layerOf(doc, state, subject, which) {
  const main = doc.subjects[state.subject];
  const same = subject.layers.find((each) => each.number === state.layer);
  if (which === 0 || (subject.depth === main.depth && same)) return same;
  const far = (number, depth) => (depth > 1 ? (number - 1) / (depth - 1) : 1);
  const off = (layer) => Math.abs(far(layer.number, subject.depth) - far(state.layer, main.depth));
  return subject.layers.reduce((best, each) => (off(each) < off(best) ? each : best));
}

/** Centers whose edges are drawn: what is kept, else what is pointed at, else the peak. */
export function activesOf(state, hovered, view, layer = view.layer) {
  const peak = view.row.layers[layer.place].peak;
  const { centers } = view.theme;
  let places = state.pins;
  if (!places.length && hovered) places = [hovered];
  if (!places.length && peak >= 0) places = [spotOf(boxOf(layer.grid, peak))];
  return places.map((at, i) => {
    const node = nodeAt(layer.grid, ...at);
    let box = boxOf(layer.grid, node);
    const [x, y] = centerOf(box);
    if (view.out && !layer.grid.regions) box = boxOf(layer.key_grid, nodeAt(layer.key_grid, x, y));
    return { node, box, x, y, color: centers[i % centers.length] };
  });
}

/** The edges of the centers, bent apart, with the counts of each hop summed over them. */
export function edgesFor(state, view, layer, actives, hops = state.hops) {
  const order = orderOf(state.order, view.row.layers[layer.place], layer);
  const asked = { hops, k: state.k, share: state.share, out: view.out, far: state.far, order };
  const counts = [];
  const edges = actives.flatMap((active, center) => {
    const found = edgesOf(view.subject, view.row, layer, active.node, asked);
    found.hops.forEach((hop, i) => {
      counts[i] ??= { layer: hop.layer, drawn: 0, total: 0, carried: 0 };
      for (const key of ["drawn", "total"]) counts[i][key] += hop[key];
      counts[i].carried += hop.carried / actives.length;
    });
    return found.edges.map((edge) => ({ ...edge, center }));
  });
  fan(edges, view.aspect);
  const width = widthBy(state, order);
  const by = { order, width, color: colorBy(state, order, actives.length), top: widthTop(edges, width) };
  return { edges, counts, by };
}

/**
 * A pane's view with what depends on the pointer: centers, edges, the patch pointed at, the edge brought out.
 *
 * @param {any} doc
 * @param {any} state
 * @param {{ hovered: number[] | null, lit: [number, any] | null, theme: any }} pointer
 * @param {number} which
 * @returns {any}
 */
export function pointedView(doc, state, { hovered, lit, theme }, which) {
  const view = viewOf(doc, state, which, theme);
  if (!view) return null;
  const actives = activesOf(state, hovered, view);
  const { edges, counts, by } = edgesFor(state, view, view.layer, actives);
  const { grid, key_grid } = view.layer;
  const near = edges.filter((edge) => edge.hop === 1);
  const asked = view.out ? grid : key_grid;
  const pointed = hovered ? boxOf(asked, nodeAt(asked, ...hovered)) : null;
  let brought = null;
  if (lit && lit[0] === which) brought = near.find((edge) => edge.from === lit[1].from && edge.to === lit[1].to);
  else if (pointed && state.pins.length) {
    brought = near.find((edge) => !edge.itself && sameBox(view.out ? edge.toBox : edge.fromBox, pointed));
  }
  const hover = hovered ? boxOf(grid, nodeAt(grid, ...hovered)) : null;
  const sets = state.sets && !view.out && actives.length ? setsOf(view.layer, actives[0].node) : [];
  return { ...view, actives, edges, counts, by, hover, lit: brought ?? null, sets };
}

/** In split view of equal grids: how many edges both panes show, in words. */
export function overlap(a, b) {
  if (!a || !b || !sameGrid(a.layer.grid, b.layer.grid) || !sameGrid(a.layer.key_grid, b.layer.key_grid)) {
    return "";
  }
  const keys = (view) => new Set(view.edges.filter((edge) => edge.hop === 1).map((edge) => `${edge.from}>${edge.to}`));
  const [left, right] = [keys(a), keys(b)];
  const both = [...left].filter((key) => right.has(key)).length;
  return `${both} of ${new Set([...left, ...right]).size} edges in both`;
}
