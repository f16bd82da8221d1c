// What is said of patches, edges and views.

import { beside, degree, edgesOf } from "./edges.js";
import { boxOf, distanceOn, nodeAt } from "./geometry.js";
import { orderOf } from "./quantities.js";
import { MOST_SETS } from "./sets.js";
import { rowOf } from "./state.js";
import { classWords, count, known, methodWords, number, percent, SEPARATOR } from "./words.js";

export const placeWords = (box, [rows, cols]) =>
  box.node !== undefined
    ? `region ${box.node}`
    : `row ${Math.floor(((box[1] + box[3]) / 2) * rows) + 1}, column ${Math.floor(((box[0] + box[2]) / 2) * cols) + 1}`;

export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** One edge as a sentence. */
export function edgeWords(edge) {
  const rank = edge.nth === 0 ? "itself" : `${edge.ranked ? "rank" : "number"} ${edge.nth}`;
  return `layer ${edge.layer}: key node ${edge.from} to node ${edge.to}, ${rank}, share of channels ${percent(edge.share)}, contribution ${number(edge.contribution, true)}${known(edge.effect) ? `, effect of cutting it ${number(edge.effect, true)}` : ""}`;
}

/** A word of a shell command, quoted where a shell would read it otherwise. */
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** How many neighbors a patch has, and how many of them are shown where some are hidden. */
export function neighborWords({ layer, out }, { node }, shown, keys = "") {
  if (out) return count(shown.length, "patch aggregates from it", "patches aggregate from it");
  const there = degree(layer, node);
  const hidden = shown.length < there ? `, ${shown.length} shown` : "";
  return `aggregates from ${keys ? `${there}${keys}` : count(there, "neighbor")}${hidden}`;
}

export function emptyWords(state, { out }) {
  if (state.share > 0) {
    return `No edge here has a share of at least ${percent(state.share)}. Lower "Share at least" to see more.`;
  }
  if (out) return `No patch aggregates from this one in this layer${state.k ? ` among its first ${state.k}` : ""}.`;
  return "It has no neighbors in this layer.";
}

/** What a picture shows and what it hides. */
export function captionOf(state, view) {
  const { layer, subject, row, edges, actives, counts, by } = view;
  const parts = [`layer ${layer.number} of ${subject.depth}`, classWords(row), methodWords(row.method)];
  const own = edges.filter((edge) => edge.hop === 1);
  const about = layer.exact ? "" : "about ";
  const what = ["gin", "sum"].includes(layer.conv) ? "the weight" : "the channels";
  if (!actives.length) parts.push("blank map: no peak");
  else if (view.out) {
    const these = actives.length > 1 ? "these" : "this one";
    parts.push(`${count(own.length, "patch aggregates", "patches aggregate")} from ${these}`);
  } else if (view.sets?.length) {
    const drawn = Math.min(view.sets.length, MOST_SETS);
    parts.push(`${drawn} of ${count(view.sets.length, "hyperedge")} that it hears drawn, those heard most`);
    if (actives.length > 1) parts.push("those of the first patch kept");
  } else {
    const there = actives.reduce((sum, { node }) => sum + degree(layer, node), 0);
    // Quantised shares sum to 1 only nearly.
    const carried = own.length === there ? 1 : own.reduce((sum, edge) => sum + (edge.share || 0), 0) / actives.length;
    const first = own.length < there && state.k && by.order !== "rank" ? `, the largest by ${by.order}` : "";
    parts.push(`${own.length} of ${count(there, "neighbor")} drawn${first}, ${about}${percent(carried)} of ${what}`);
  }
  if (state.hops > 1) parts.push(...hopWords(view, counts.slice(1), about));
  if (state.field === "chosen") parts.push("map: how many patches chose each");
  if (layer.placed === false) parts.push("nodes do not lie where they are drawn");
  return parts.filter(Boolean).join(SEPARATOR);
}

/** What is drawn of further hops, or why there are none. */
function hopWords({ layer, subject, out }, counts, about) {
  const other = layer.number + (out ? 1 : -1);
  if (other < 1 || other > subject.depth) return [`no further hop: this is the ${out ? "last" : "first"} layer`];
  if (!beside(subject, layer, out ? 1 : -1)) return [`further hops need layer ${other}, which is not in this file`];
  return counts.map(({ layer: at, drawn, total, carried }) => {
    const weight = out ? "" : `, ${about}${percent(carried)} of the weight`;
    return `layer ${at}: ${drawn} of ${count(total, "edge")} drawn${weight}`;
  });
}

export function sentenceOf(state, view, node) {
  const { layer, row } = view;
  const order = orderOf(state.order, row.layers[layer.place], layer);
  const asked = { hops: 1, k: state.k, share: state.share, out: view.out, order };
  const { edges } = edgesOf(view.subject, row, layer, node, asked);
  const best = edges.reduce((top, edge) => (edge.share > (top?.share ?? 0) ? edge : top), null);
  const who = placeWords(boxOf(layer.grid, node), layer.grid);
  const peak = row.layers[layer.place].peak === node ? ", the peak" : "";
  const [box, grid] = view.out ? [best?.toBox, layer.grid] : [best?.fromBox, layer.key_grid];
  const strongest = best ? `; most: ${placeWords(box, grid)}, ${percent(best.share)} of the channels` : "";
  return `${capital(who)}${peak}. ${capital(neighborWords(view, { node }, edges))}${strongest}.`;
}

/** What there is more than one of in a document: "image", "name" (of the network), "method". */
export function differing(doc) {
  const differ = (values) => new Set(values).size > 1;
  const pictures = doc.subjects.map((subject) => subject.image);
  return {
    image: differ(pictures),
    name: differ(doc.subjects.map((subject) => subject.name)) || doc.subjects.length > new Set(pictures).size,
    method: differ(doc.subjects.flatMap((subject) => subject.rows.map((row) => row.method))),
  };
}

/** A subject of a document for people: image and network. */
export function subjectName(doc, s, { image = true, name = true } = {}) {
  const subject = doc.subjects[s];
  const parts = [image ? doc.images[subject.image].name : "", name ? subject.name || `network ${s + 1}` : ""];
  return parts.filter(Boolean).join(SEPARATOR);
}

/** What tells a subject's row from the others of the document: image, network, class, method, where there are several. */
export function nameOf(doc, { subject: s, target, method }) {
  const many = differing(doc);
  const row = rowOf(doc.subjects[s], target, method);
  return [subjectName(doc, s, many), classWords(row), many.method ? methodWords(row.method) : ""]
    .filter(Boolean)
    .join(SEPARATOR);
}

/** What is said aloud after a move. */
export function spokenWords(state, hovered, view) {
  const { layer, actives } = view;
  if (!actives.length) return captionOf(state, view);
  return `Layer ${layer.number}. ${sentenceOf(state, view, hovered ? nodeAt(layer.grid, ...hovered) : actives[0].node)}`;
}

/** The distance of an edge's ends in patches; of regions, in usual distances of two. */
export const patchDistance = ({ x0, y0, x1, y1 }, { grid }) => distanceOn(grid, x0, y0, x1, y1);
