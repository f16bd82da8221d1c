// Palettes of maps and the colors of marks, those of figures.

import table from "./colors.json" with { type: "json" };

/** @type {Record<string, string>} each as hex digits, 17 colors evenly spaced. */
export const PALETTES = table.palettes;
/** @type {Record<string, typeof table.themes.light>} "light" and "dark"; `diverging` as a palette. */
export const THEMES = table.themes;

/**
 * [r, g, b] of a palette given as hex digits, at 0..1.
 *
 * @param {string} stops
 * @param {number} value
 * @returns {[number, number, number]}
 */
export function colorAt(stops, value) {
  const last = stops.length / 6 - 1;
  const at = Math.min(1, Math.max(0, value)) * last;
  const low = Math.min(last - 1, Math.floor(at));
  const channel = (stop, i) => parseInt(stops.slice(stop * 6 + 2 * i, stop * 6 + 2 * i + 2), 16);
  const between = (i) => Math.round(channel(low, i) + (channel(low + 1, i) - channel(low, i)) * (at - low));
  return [between(0), between(1), between(2)];
}

export const css = ([r, g, b]) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

/** A color given as "#rrggbb", part of the way to another. */
export const toward = (color, other, part) => css(colorAt(color.slice(1) + other.slice(1), part));
