// Numbers and names as people read them, by the table that figures and captions follow too.

import table from "../../draw/style/words.json" with { type: "json" };

const { percent: PERCENT, number: NUMBER, methods: METHODS } = table;

export const SEPARATOR = table.separator;
export const NBSP = "\u00a0";
export const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

/** A fraction in percent that is never rounded to a false 0 or 100. */
export function percent(fraction) {
  if (!known(fraction)) return PERCENT.unknown;
  const value = 100 * fraction;
  if (value > 0 && value < PERCENT.below) return PERCENT.below_words;
  if (value >= PERCENT.above && value < PERCENT.whole) return PERCENT.above_words;
  const whole = Math.floor(Math.abs(value) + 0.5);
  return PERCENT.template.replace("{}", `${value < 0 && whole ? NUMBER.minus : ""}${whole}`);
}

/** A value in three significant digits, with a true minus sign; with `signed` a plus before what is above 0. */
export function number(value, signed = false) {
  if (!known(value)) return NUMBER.unknown;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? NUMBER.minus : signed ? "+" : "";
  return sign + (size < NUMBER.least || size >= NUMBER.most ? scientific(size) : rounded(size));
}

const scientific = (size) =>
  size
    .toExponential(NUMBER.scientific_digits - 1)
    .replace("+", "")
    .replace("-", NUMBER.minus);

function rounded(size) {
  const whole = Math.floor(Math.log10(size)) + 1;
  return String(Number(size.toPrecision(Math.max(NUMBER.digits, whole))));
}

/** A signed value among others, the largest of which is `top`: as many decimals as give that one three digits. */
export function among(value, top) {
  if (!known(value) || value === 0 || !(top >= 1e-4 && top < 1e6)) return number(value, true);
  const text = Math.abs(value).toFixed(Math.max(0, 2 - Math.floor(Math.log10(top))));
  return Number(text) === 0 ? `\u2248${NBSP}0` : (value < 0 ? NUMBER.minus : "+") + text;
}

/** The name a method's paper gives it. */
export const methodWords = (name) => (Object.hasOwn(METHODS, name.toLowerCase()) ? METHODS[name.toLowerCase()] : name);

export const classWords = (row) =>
  row.label +
  (known(row.probability) ? ` (${percent(row.probability)})` : "") +
  (row.versus_label !== null ? ` rather than ${row.versus_label}` : "");

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
