// Numbers and names as people read them.

export const NBSP = "\u00a0";
export const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

/** A fraction in percent that is never rounded to a false 0 or 100. */
export function percent(fraction) {
  if (!known(fraction)) return "unknown";
  const value = 100 * fraction;
  if (value > 0 && value < 0.5) return `<1${NBSP}%`;
  if (value > 99.5 && value < 99.9999) return `>99${NBSP}%`;
  return `${Math.round(value)}${NBSP}%`;
}

/** A value in at most three significant digits, with a true minus sign. */
export function number(value, signed = false) {
  if (!known(value)) return "unknown";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text =
    size >= 1e6 || size < 1e-3 ? size.toExponential(1) : String(Number(size.toPrecision(size >= 1000 ? 4 : 3)));
  text = text.replace("-", "\u2212").replace("+", "");
  return (value < 0 ? "\u2212" : signed ? "+" : "") + text;
}

/** A signed value among others, the largest of which is `top`: as many decimals as give that one three digits. */
export function among(value, top) {
  if (!known(value) || value === 0 || !(top >= 1e-4 && top < 1e6)) return number(value, true);
  const text = Math.abs(value).toFixed(Math.max(0, 2 - Math.floor(Math.log10(top))));
  return Number(text) === 0 ? `\u2248${NBSP}0` : (value < 0 ? "\u2212" : "+") + text;
}

export const METHODS = {
  gradcam: "Grad-CAM",
  "gradcam++": "Grad-CAM++",
  xgradcam: "XGrad-CAM",
  layercam: "Layer-CAM",
  hirescam: "HiResCAM",
  eigencam: "Eigen-CAM",
  eigengradcam: "Eigen-Grad-CAM",
  gradcam_elementwise: "elementwise Grad-CAM",
  shapleycam: "ShapleyCAM",
  finercam: "Finer-CAM",
  kpcacam: "KPCA-CAM",
  fem: "FEM",
  scorecam: "Score-CAM",
  ablationcam: "Ablation-CAM",
};
export const methodWords = (name) => (Object.hasOwn(METHODS, name) ? METHODS[name] : name);
export const classWords = (row) =>
  row.label +
  (known(row.probability) ? ` (${percent(row.probability)})` : "") +
  (row.versus_label !== null ? ` rather than ${row.versus_label}` : "");
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
