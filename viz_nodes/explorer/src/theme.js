// Light or dark, as the host is.

const opaque = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Relative lightness 0..1 of a CSS color, null where one sees through it. */
function lightness(color) {
  opaque.canvas.width = opaque.canvas.height = 1;
  opaque.fillStyle = color;
  opaque.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = opaque.getImageData(0, 0, 1, 1).data;
  return a < 128 ? null : (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}

/** "light" or "dark": what notebooks say of their theme, else the color that lies behind, through shadow roots. */
export function schemeBehind(node) {
  const { body, documentElement: html } = document;
  const said = body?.dataset.vscodeThemeKind ?? html.getAttribute("theme") ?? "";
  if (body?.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false" ? "dark" : "light";
  if (said) return said.includes("light") || !/dark|contrast/.test(said) ? "light" : "dark";
  for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
    const seen = lightness(getComputedStyle(at).backgroundColor);
    if (seen !== null) return seen < 0.5 ? "dark" : "light";
  }
  const wanted = getComputedStyle(html).colorScheme;
  if (!wanted.includes("dark")) return "light";
  return wanted.includes("light") && !matchMedia("(prefers-color-scheme: dark)").matches ? "light" : "dark";
}
