// Title, pickers of image, network and second picture, and the classes.

import { mark, roving, widgets } from "./dom.js";
import { nameOf } from "./sentences.js";
import { known, methodWords, percent } from "./words.js";

export class Head {
  constructor({ h, store, signal }) {
    this.h = h;
    this.store = store;
    const { doc } = store;
    const { picker, option } = widgets(h, signal);
    this.pairs = doc.subjects.flatMap((subject, s) =>
      subject.rows.map((row) => ({ subject: s, target: row.target, method: row.method })),
    );
    this.title = h("h2", { class: "vge-title" });
    this.facts = h("p", { class: "vge-facts" });
    this.subject = picker("Image and model", (value) => store.update({ subject: Number(value), with: null }));
    this.with = picker("Compare with", (value) =>
      store.update({ with: value === "" ? null : this.pairs[Number(value)] }),
    );
    this.classes = h("div", { class: "vge-classes", role: "radiogroup", "aria-label": "Class explained" });
    this.chipsOf = null;
    roving(this.classes, signal);
    const names = doc.subjects.map((each, s) =>
      [doc.images[each.image].name, each.name || `model ${s + 1}`].join(" · "),
    );
    this.subject.select.append(...names.map((name, s) => option(String(s), name)));
    this.subject.wrap.hidden = doc.subjects.length < 2;
    this.with.select.append(
      option("", "nothing"),
      ...this.pairs.map((pair, i) => option(String(i), nameOf(doc, pair))),
    );
    this.with.wrap.hidden = this.pairs.length < 2;
    this.wrap = h(
      "header",
      { class: "vge-head" },
      h("div", { class: "vge-names" }, this.title, this.facts),
      h("div", { class: "vge-pickers" }, this.subject.wrap, this.with.wrap),
    );
  }

  draw({ subject, row, image }) {
    const { state } = this.store;
    this.title.textContent = this.title.title = image.name;
    this.facts.textContent = [subject.name, `${subject.depth} graph layers`, methodWords(row.method)]
      .filter(Boolean)
      .join(" · ");
    this.subject.select.value = String(state.subject);
    const same = (pair) => ["subject", "target", "method"].every((key) => pair[key] === state.with[key]);
    this.with.select.value = state.with ? String(this.pairs.findIndex(same)) : "";
    if (this.chipsOf !== subject) {
      this.chipsOf = subject;
      this.classes.replaceChildren(...this.chips(subject));
    }
    for (const chip of this.classes.querySelectorAll("button"))
      mark(chip, chip.dataset.target === String(state.target));
  }

  chips(subject) {
    const { h, store } = this;
    const held = new Map(subject.rows.map((row) => [row.target, row]));
    const top = subject.top.map((entry) => ({ ...entry, row: held.get(entry.index) }));
    const rest = [...held.values()]
      .filter((row) => !subject.top.some((entry) => entry.index === row.target))
      .map((row) => ({ index: row.target, label: row.label, probability: row.probability, row }));
    return [...top, ...rest].map((entry) => {
      const bar = h("span", { class: "vge-chip-bar" });
      bar.style.width = `${100 * (entry.probability ?? 0)}%`;
      const value = known(entry.probability) ? percent(entry.probability) : "";
      return h(
        "button",
        {
          type: "button",
          role: "radio",
          class: "vge-chip",
          disabled: !entry.row,
          data: { target: String(entry.index) },
          title: entry.label + (entry.row ? "" : ": no map of this class in this file"),
          on: { click: () => store.update({ target: entry.index }) },
        },
        h("span", { class: "vge-chip-label", textContent: entry.label }),
        h("span", { class: "vge-chip-value", textContent: value }),
        bar,
      );
    });
  }
}
