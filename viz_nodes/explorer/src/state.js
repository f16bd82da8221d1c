// The view: what is shown and how, as a plain object and as the hash of an address.

import { PALETTES } from "./colors.js";
import { VALUES } from "./quantities.js";

export const DEFAULTS = {
  subject: 0,
  target: null,
  method: null,
  layer: null,
  pins: [],
  hops: 1,
  far: 18,
  k: 0,
  share: 0,
  out: false,
  order: "contribution",
  width: "auto",
  color: "auto",
  field: "cam",
  opacity: 0.75,
  palette: "inferno",
  scale: "layer",
  smooth: true,
  grid: true,
  sets: true,
  sort: "auto",
  canvas: "original",
  zoom: 1,
  at: [0.5, 0.5],
  with: null,
};
const CHOICES = {
  order: VALUES,
  width: ["auto", ...VALUES],
  color: ["auto", ...VALUES, "center"],
  field: ["cam", "chosen"],
  canvas: ["original", "input"],
  scale: ["layer", "shared"],
  sort: ["auto", ...VALUES, "distance"],
};
export const MOST_PINS = 6;
export const MOST_ZOOM = 12;

const whole = (value, low, high, other) => (Number.isInteger(value) && value >= low && value <= high ? value : other);
const real = (value, low, high, other) => (Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : other);
const isPlace = (value) =>
  Array.isArray(value) && value.length === 2 && value.every((v) => Number.isFinite(v) && v >= 0 && v <= 1);
const short = (value) => Number(value.toFixed(4));

/** A state of which every key is there and every value possible for this document. */
export function resolve(doc, given) {
  const state = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) {
    if (given && given[key] !== undefined && given[key] !== null) state[key] = given[key];
  }
  state.subject = whole(state.subject, 0, doc.subjects.length - 1, 0);
  const subject = doc.subjects[state.subject];
  const row = rowOf(subject, state.target, state.method);
  [state.target, state.method] = [row.target, row.method];
  if (!subject.layers.some((layer) => layer.number === state.layer)) state.layer = subject.layers.at(-1).number;
  const pins = Array.isArray(state.pins) ? state.pins : [];
  state.pins = pins
    .filter(isPlace)
    .slice(0, MOST_PINS)
    .map((pin) => pin.map(short));
  state.at = isPlace(state.at) ? state.at.map(short) : DEFAULTS.at;
  state.hops = whole(state.hops, 1, 3, 1);
  for (const key of ["k", "far"]) state[key] = whole(state[key], 0, 32767, DEFAULTS[key]);
  for (const key of ["share", "opacity"]) state[key] = real(state[key], 0, 1, DEFAULTS[key]);
  state.zoom = real(state.zoom, 1, MOST_ZOOM, 1);
  for (const key of ["out", "smooth", "grid", "sets"]) state[key] = Boolean(state[key]);
  for (const [key, values] of Object.entries(CHOICES)) if (!values.includes(state[key])) state[key] = DEFAULTS[key];
  if (!Object.hasOwn(PALETTES, state.palette)) state.palette = DEFAULTS.palette;
  state.with = partnerOf(doc, state.with);
  return state;
}

/** What the second picture shows; null where there is none. */
function partnerOf(doc, wanted) {
  if (!wanted || typeof wanted !== "object" || !doc.subjects[wanted.subject]) return null;
  const { target, method } = rowOf(doc.subjects[wanted.subject], wanted.target, wanted.method);
  return { subject: wanted.subject, target, method };
}

/** The row of a subject for a class and method; the nearest there is where that pair is missing. */
export function rowOf(subject, target, method) {
  const rows = subject.rows;
  return (
    rows.find((row) => row.target === target && row.method === method) ??
    rows.find((row) => row.target === target) ??
    rows.find((row) => row.method === method) ??
    rows[0]
  );
}

/** A state as a URL's hash: what differs from the defaults or is named in `always`. "" where nothing does. */
export function formatHash(state, always = {}) {
  const words = [];
  for (const [key, value] of Object.entries(state)) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    if (!Object.hasOwn(always, key) && JSON.stringify(value) === JSON.stringify(DEFAULTS[key])) continue;
    let text;
    if (key === "subject") text = String(value + 1);
    else if (key === "pins") text = value.map((pin) => pin.map(short).join(",")).join("~");
    else if (key === "with") text = value ? `${value.subject + 1}.${value.target}.${value.method}` : "";
    else if (typeof value === "boolean") text = value ? "1" : "0";
    else if (key === "at") text = value.map(short).join(",");
    else if (typeof value === "number") text = String(short(value));
    else text = value ?? "";
    words.push(`${key}=${encodeURIComponent(text).replaceAll("%2C", ",")}`);
  }
  return words.length ? `#${words.join("&")}` : "";
}

/** What a URL's hash says of the state; keys and values that mean nothing are left out. */
export function parseHash(hash) {
  const given = {};
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    const value = Number(text);
    if (key === "subject") given.subject = value - 1;
    else if (key === "pins") given.pins = text ? text.split("~").map((pin) => pin.split(",").map(Number)) : [];
    else if (key === "at") given.at = text.split(",").map(Number);
    else if (key === "with") {
      const [subject, target, ...method] = text.split(".");
      given.with = text ? { subject: Number(subject) - 1, target: Number(target), method: method.join(".") } : null;
    } else if (typeof DEFAULTS[key] === "boolean") given[key] = text === "1";
    else if (["target", "layer"].includes(key) || typeof DEFAULTS[key] === "number") {
      if (text !== "" && Number.isFinite(value)) given[key] = value;
    } else given[key] = text;
  }
  return given;
}
