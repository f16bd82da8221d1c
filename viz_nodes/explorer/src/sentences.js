// What is said of patches, edges and views.

import { beside, degree, edgesOf } from "./edges.js";
import { boxOf, nodeAt } from "./geometry.js";
import { rowOf } from "./state.js";
import { classWords, count, methodWords, number, percent } from "./words.js";

export const placeWords = (box, [rows, cols]) =>
  `row ${Math.floor(((box[1] + box[3]) / 2) * rows) + 1}, column ${Math.floor(((box[0] + box[2]) / 2) * cols) + 1}`;

export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** One edge as a sentence. */
export function edgeWords(edge) {
  return `layer ${edge.layer}: key node ${edge.from} to node ${edge.to}, rank ${edge.rank}, share ${percent(edge.share)}, contribution ${number(edge.contribution, true)}`;
}

/** A word of a shell command, quoted where a shell would read it otherwise. */
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** How many neighbors a patch has, and how many of them are shown where some are hidden. */
export function asksWords({ layer, out }, { node }, shown, keys = "") {
  if (out) return count(shown.length, "patch asks it", "patches ask it");
  const there = degree(layer, node);
  return `asks ${there}${keys}${shown.length < there ? `, ${shown.length} shown` : ""}`;
}

export function emptyWords(state, { out }) {
  if (state.share > 0)
    return `No edge here has a share of at least ${percent(state.share)}. Lower "Share at least" to see more.`;
  if (out) return `Nobody asks this patch in this layer${state.k ? ` among their nearest ${state.k}` : ""}.`;
  return "It asks nobody in this layer.";
}

/** What a picture shows and what it hides. */
export function captionOf(state, view) {
  const { layer, subject, row, edges, actives } = view;
  const parts = [`layer ${layer.number} of ${subject.depth}`, classWords(row), methodWords(row.method)];
  const own = edges.filter((edge) => edge.hop === 1);
  if (!actives.length) parts.push("blank map: no peak");
  else if (view.out)
    parts.push(count(own.length, "patch asks", "patches ask") + (actives.length > 1 ? " these" : " this one"));
  else {
    const there = actives.reduce((sum, { node }) => sum + degree(layer, node), 0);
    // Quantised shares sum to 1 only nearly.
    const won = own.length === there ? 1 : own.reduce((sum, edge) => sum + (edge.share || 0), 0) / actives.length;
    parts.push(`${own.length} of ${count(there, "neighbor")} drawn, ${percent(won)} of the wins`);
  }
  if (state.hops > 1) {
    const far = edges.length - own.length;
    const other = layer.number + (view.out ? 1 : -1);
    if (far) parts.push(`${count(far, "edge")} of further hops`);
    else if (other < 1 || other > subject.depth)
      parts.push(`no further hop: this is the ${view.out ? "last" : "first"} layer`);
    else if (!beside(subject, layer, view.out ? 1 : -1))
      parts.push(`further hops need layer ${other}, which is not in this file`);
  }
  if (!layer.exact) parts.push("shares are approximate");
  return parts.filter(Boolean).join(" · ");
}

export function sentenceOf(state, view, node) {
  const { layer, row } = view;
  const edges = edgesOf(view.subject, row, layer, node, { hops: 1, k: state.k, share: state.share, out: view.out });
  const best = edges.reduce((top, edge) => (edge.share > (top?.share ?? 0) ? edge : top), null);
  const who = placeWords(boxOf(layer.grid, node), layer.grid);
  const peak = row.layers[layer.place].peak === node ? ", the peak" : "";
  const asks = asksWords(view, { node }, edges);
  const strongest = best
    ? `; most: ${placeWords(view.out ? best.toBox : best.fromBox, view.out ? layer.grid : layer.key_grid)}, ${percent(best.share)}`
    : "";
  return `${capital(who)}${peak}. ${capital(asks)}${strongest}.`;
}

/** What tells a subject's row from the others of the document: image, model, class, method, where there are several. */
export function nameOf(doc, { subject: s, target, method }) {
  const differ = (values) => new Set(values).size > 1;
  const pictures = doc.subjects.map((subject) => subject.image);
  const models = differ(doc.subjects.map((subject) => subject.name)) || doc.subjects.length > new Set(pictures).size;
  const methods = differ(doc.subjects.flatMap((subject) => subject.rows.map((row) => row.method)));
  const subject = doc.subjects[s];
  const row = rowOf(subject, target, method);
  const parts = [
    differ(pictures) ? doc.images[subject.image].name : "",
    models ? subject.name || `model ${s + 1}` : "",
    classWords(row),
    methods ? methodWords(row.method) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** What is said aloud after a move. */
export function spokenWords(state, hovered, view) {
  const { layer, actives } = view;
  if (!actives.length) return captionOf(state, view);
  return `Layer ${layer.number}. ${sentenceOf(state, view, hovered ? nodeAt(layer.grid, ...hovered) : actives[0].node)}`;
}

/** The distance of an edge's ends in patches. */
export function patchDistance(edge, layer) {
  const [rows, cols] = layer.grid;
  return Math.hypot((edge.x0 - edge.x1) * cols, (edge.y0 - edge.y1) * rows);
}

export const KEYS = [
  ["arrows", "move over the patches"],
  ["Home End", "ends of a row"],
  ["Enter", "keep a patch; with Shift add it"],
  ["Esc", "let all go"],
  ["[ ]", "layer before, after"],
  ["1 2 3", "hops"],
  ["o", "whom it asks / who asks it"],
  ["c", "next class"],
  ["p", "play through the layers"],
];
export const MEANINGS = {
  rank: "place among the neighbors, nearest in features first; 0 is the nearest",
  share: "part of the patch's channels in which this neighbor has the largest message and wins",
  contribution: "what the channels it won add to the class's score, to first order: + for the class, \u2212 against it",
  distance: "how far away it lies, in patches",
};
export const WORDS = [
  ["map", "where evidence for the class was read off in this layer"],
  ["peak", "the patch with the map's highest value, a star"],
  ["asks", "in every layer a patch takes up messages from the patches most like it, its neighbors"],
  ["edge", "from a neighbor, wide, to the patch that asked it, narrow; a ring is an edge to itself"],
  ...Object.entries(MEANINGS),
  ["hop", "whom the neighbors had asked one layer earlier"],
];
