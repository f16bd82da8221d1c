// Elements, and the controls made of them.

import { svgNode } from "./svg.js";

/**
 * A maker of elements whose listeners end with `signal`.
 *
 * @param {AbortSignal} signal
 */
export function elements(signal) {
  /**
   * @param {string} tag
   * @param {Record<string, any>} [properties] `on` listeners, `data` attributes, properties and attributes.
   * @param {...(Node | string | null)} children
   * @returns {any}
   */
  return function h(tag, { on = {}, data = {}, ...properties } = {}, ...children) {
    const node = /** @type {any} */ (document.createElement(tag));
    for (const [key, value] of Object.entries(properties)) {
      if (value === false || value === null || value === undefined) continue;
      if (key === "class") node.className = value;
      else if (key in node && !key.includes("-") && key !== "list") node[key] = value;
      else node.setAttribute(key, value === true ? "" : String(value));
    }
    for (const [key, value] of Object.entries(data)) node.dataset[key] = value;
    for (const [key, callback] of Object.entries(on)) node.addEventListener(key, callback, { signal });
    node.append(...children.filter((child) => child !== null));
    return node;
  };
}

export const icon = (path) => {
  const node = svgNode("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svgNode("path", { d: path }));
  node.classList.add("vge-icon");
  return node;
};

/** Show a radio button as chosen or not. */
export function mark(button, on) {
  button.setAttribute("aria-checked", String(on));
  button.tabIndex = on ? 0 : -1;
}

/** Arrow keys move among the radio buttons of a group. */
export function roving(group, signal) {
  group.addEventListener(
    "keydown",
    (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const all = [...group.querySelectorAll("[role=radio]:not(:disabled)")];
      const at = all.indexOf(event.target);
      if (!step || at < 0) return;
      event.preventDefault();
      event.stopPropagation();
      const next = all[(at + step + all.length) % all.length];
      next.click();
      next.focus();
    },
    { signal },
  );
}

/** Controls with a label and a tooltip each: buttons of which one is chosen, a slider, a tick box, lists. */
export function widgets(h, signal) {
  const option = (value, text) => h("option", { value, textContent: text });
  const labeled = (text, ...more) => h("span", { class: "vge-label" }, text, ...more);
  return {
    option,
    segmented(label, title, choices, chosen) {
      const group = h("div", { class: "vge-segments", role: "radiogroup", "aria-label": label });
      const buttons = choices.map(([value, text]) => {
        const on = { click: () => chosen(value) };
        return h("button", { type: "button", role: "radio", textContent: text, data: { value: String(value) }, on });
      });
      group.append(...buttons);
      roving(group, signal);
      const show = (value) => {
        buttons.forEach((button, i) => {
          mark(button, choices[i][0] === value);
        });
      };
      return { wrap: h("div", { class: "vge-control", title }, labeled(label), group), buttons, show };
    },
    range(label, title, properties, input) {
      const field = h("input", {
        type: "range",
        ...properties,
        on: { input: () => input(Number(field.value), field) },
      });
      const value = h("span", { class: "vge-value" });
      return { wrap: h("label", { class: "vge-control", title }, labeled(`${label} `, value), field), field, value };
    },
    toggle(label, title, changed) {
      const field = h("input", { type: "checkbox", on: { change: () => changed(field.checked) } });
      return { wrap: h("label", { class: "vge-check", title }, field, h("span", { textContent: label })), field };
    },
    choice(label, title, entries, changed) {
      const options = entries.map(([value, text]) => option(value, text));
      const select = h("select", { on: { change: () => changed(select.value) } }, ...options);
      return { wrap: h("label", { class: "vge-control", title }, labeled(label), select), select };
    },
    picker(label, title, changed) {
      const select = h("select", { on: { change: () => changed(select.value) } });
      return { wrap: h("label", { class: "vge-picker", title }, h("span", { textContent: label }), select), select };
    },
    button: (text, title, click) => h("button", { type: "button", textContent: text, title, on: { click } }),
    definitions: (entries) =>
      h(
        "dl",
        { class: "vge-definitions" },
        ...entries.flatMap(([word, text]) => [h("dt", { textContent: word }), h("dd", { textContent: text })]),
      ),
  };
}
