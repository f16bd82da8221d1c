// Palettes and the colors of marks.

export const PALETTES = {
  inferno: "0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d24644e45a31f1731df98e09fcac11f9cb35f2ea69fcffa4",
  viridis: "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
  magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf",
  cividis: "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
  jet: "0000800000c80000ff0040ff0080ff00c0ff16ffe149ffad7dff7ab1ff46e4ff13ffd000ff9400ff5900ff1e00c40000800000",
};
export const DIVERGING = "6a4fc48f7fdaaf9fe8d2c8f4f4f2f5ffd9a8ffb55cf78b1edd6408";
export const CENTERS = ["#ffd21f", "#6cc4ff", "#3fe0ae", "#ff8fd0", "#ff9d3c", "#c9b6ff"];
export const PLAIN_EDGE = "#f4f2f5";

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
  return /** @type {[number, number, number]} */ (
    [0, 1, 2].map((i) => Math.round(channel(low, i) + (channel(low + 1, i) - channel(low, i)) * (at - low)))
  );
}
export const css = ([r, g, b]) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
