// Tools above the picture; looks, words and keys, and what can be taken along below it.

import { PALETTES } from "./colors.js";
import { widgets } from "./dom.js";
import { KEYS, WORDS } from "./sentences.js";
import { methodWords, percent } from "./words.js";

export class Controls {
  /**
   * @param {any} context
   * @param {{ svg: (scale: number) => string, png: (scale: number) => Promise<Blob>, command: () => string,
   *   name: () => string, link: (() => string) | null }} deeds what the buttons hand out.
   */
  constructor({ h, store, signal }, deeds) {
    this.h = h;
    this.store = store;
    this.deeds = deeds;
    this.make = widgets(h, signal);
    const { segmented, range, toggle, choice, definitions } = this.make;
    const set = (key) => (value) => store.update({ [key]: value });
    this.direction = segmented(
      "Edges",
      [
        [false, "whom it asks"],
        [true, "who asks it"],
      ],
      set("out"),
    );
    this.hops = segmented(
      "Hops",
      [
        [1, "1"],
        [2, "2"],
        [3, "3"],
      ],
      set("hops"),
    );
    this.k = range("Neighbors", { min: 1, step: 1 }, (value, field) =>
      store.update({ k: value >= Number(field.max) ? 0 : value }),
    );
    this.share = range("Share at least", { min: 0, max: 50, step: 1 }, (value) => store.update({ share: value / 100 }));
    this.color = choice(
      "Edge color",
      [
        ["auto", "automatic"],
        ["contribution", "contribution"],
        ["share", "share"],
        ["center", "center"],
      ],
      set("color"),
    );
    this.opacity = range("Map opacity", { min: 0, max: 100, step: 5 }, (value) =>
      store.update({ opacity: value / 100 }),
    );
    this.method = choice("Method", [], set("method"));
    this.palette = choice(
      "Palette",
      Object.keys(PALETTES).map((name) => [name, name]),
      set("palette"),
    );
    this.scale = segmented(
      "Top of the map's scale",
      [
        ["layer", "this layer"],
        ["shared", "all layers"],
      ],
      set("scale"),
    );
    this.smooth = toggle("smooth", set("smooth"));
    this.grid = toggle("patch grid", set("grid"));
    this.tools = h(
      "div",
      { class: "vge-tools" },
      this.direction.wrap,
      this.hops.wrap,
      this.k.wrap,
      this.share.wrap,
      this.opacity.wrap,
    );
    const looks = h(
      "div",
      { class: "vge-looks" },
      this.method.wrap,
      this.palette.wrap,
      this.color.wrap,
      this.scale.wrap,
      h("div", { class: "vge-checks" }, this.smooth.wrap, this.grid.wrap),
    );
    const help = (name, entries) => h("details", {}, h("summary", { textContent: name }), definitions(entries));
    this.wrap = h(
      "div",
      { class: "vge-controls" },
      h(
        "div",
        { class: "vge-side" },
        h("fieldset", {}, h("legend", { textContent: "Look" }), looks),
        h("fieldset", {}, h("legend", { textContent: "Help" }), help("Words", WORDS), help("Keys", KEYS)),
      ),
      this.makeExports(),
    );
  }

  makeExports() {
    const { h, store, deeds } = this;
    const { button } = this.make;
    this.size = h("input", {
      type: "number",
      min: 0.5,
      max: 10,
      step: 0.5,
      value: "2",
      on: { input: () => store.later("words") },
    });
    this.pixels = h("span", { class: "vge-note" });
    this.said = h("p", { class: "vge-note", role: "status" });
    this.line = h("input", {
      type: "text",
      readOnly: true,
      class: "vge-command",
      "aria-label": "Command line that renders this view",
      on: { focus: () => this.line.select() },
    });
    const save = (kind, make) => async () => this.save(kind, await make(this.scaleOf()));
    const link = deeds.link ? button("Copy link", () => this.copy("Link", deeds.link())) : null;
    const svg = (scale) => new Blob([deeds.svg(scale)], { type: "image/svg+xml" });
    return h(
      "fieldset",
      {},
      h("legend", { textContent: "Take it with you" }),
      h(
        "div",
        { class: "vge-row" },
        button("Save SVG", save("svg", svg)),
        button("Save PNG", save("png", deeds.png)),
        h("label", { class: "vge-inline" }, h("span", { textContent: "scale" }), this.size),
        this.pixels,
      ),
      h(
        "div",
        { class: "vge-row" },
        button("Copy as command line", () => this.copy("Command line", deeds.command())),
        link,
      ),
      this.line,
      this.said,
    );
  }

  scaleOf() {
    return Math.min(10, Math.max(0.5, Number(this.size.value) || 2));
  }

  save(kind, blob) {
    const url = URL.createObjectURL(blob);
    this.h("a", { href: url, download: `${this.deeds.name()}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    this.said.textContent = `${kind.toUpperCase()} handed to the browser's downloads.`;
  }

  async copy(what, words) {
    try {
      await navigator.clipboard.writeText(words);
      this.said.textContent = `${what} copied.`;
    } catch {
      this.line.value = words;
      this.line.select();
      this.said.textContent = document.execCommand?.("copy")
        ? `${what} copied.`
        : `${what} is selected above: copy it.`;
    }
  }

  /** Show what the state says. */
  draw({ subject }) {
    const { state } = this.store;
    this.direction.show(state.out);
    this.hops.show(state.hops);
    this.scale.show(state.scale);
    const most = Math.max(...subject.layers.map((layer) => layer.k));
    this.k.field.max = String(most);
    this.k.field.value = String(state.k === 0 ? most : Math.min(most, state.k));
    this.k.value.textContent = state.k === 0 || state.k >= most ? "all" : `nearest ${state.k}`;
    for (const key of ["share", "opacity"]) {
      this[key].field.value = String(Math.round(100 * state[key]));
      this[key].value.textContent = percent(state[key]);
    }
    const methods = [
      ...new Set(subject.rows.filter((each) => each.target === state.target).map((each) => each.method)),
    ];
    if ([...this.method.select.options].map((o) => o.value).join() !== methods.join()) {
      this.method.select.replaceChildren(...methods.map((name) => this.make.option(name, methodWords(name))));
    }
    this.method.wrap.hidden = methods.length < 2;
    for (const key of ["color", "method", "palette"]) this[key].select.value = state[key];
    for (const key of ["smooth", "grid"]) this[key].field.checked = state[key];
    this.line.value = this.deeds.command();
  }

  drawWords({ width, height }) {
    const scale = this.scaleOf();
    this.pixels.textContent = `${Math.round(width * scale)} \u00d7 ${Math.round(height * scale)} pixels`;
  }
}

/** What to do next, in one line, and for hands without a Shift or Escape key the two deeds that need one. */
export class Hint {
  constructor({ h, store, touch }) {
    this.store = store;
    this.touch = touch;
    const button = (text, click) => h("button", { type: "button", textContent: text, on: { click } });
    this.words = h("p", { class: "vge-note" });
    this.add = button("Add another", () => {
      store.adding = !store.adding;
      store.later("words");
    });
    this.release = button("Let go", () => store.update({ pins: [] }));
    this.wrap = h("div", { class: "vge-hint" }, this.words, this.add, this.release);
  }

  draw() {
    const { state } = this.store;
    const kept = state.pins.length;
    const deed = state.out ? "who asks it" : "whom it asks";
    if (kept)
      this.words.textContent = `${kept} ${kept === 1 ? "patch" : "patches"} kept. ${this.touch.matches ? "" : "Shift-click adds another, Escape lets go."}`;
    else
      this.words.textContent = this.touch.matches
        ? `Tap a patch to see ${deed}.`
        : `Point at a patch to see ${deed}. Click to keep it.`;
    this.add.hidden = this.release.hidden = !kept;
    this.store.adding = this.store.adding && kept > 0;
    this.add.setAttribute("aria-pressed", String(this.store.adding));
  }
}
