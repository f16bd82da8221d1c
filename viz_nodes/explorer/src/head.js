// Title, pickers of image, network and second picture, and the classes.

import { icon, mark, roving, widgets } from "./dom.js";
import { LEAD, LEAD_OF_OTHERS } from "./help.js";
import { differing, subjectName } from "./sentences.js";
import { classWords, known, methodWords, percent, SEPARATOR } from "./words.js";

const CORNERS = "M2 6V2h4v1.6H3.6V6zM10 2h4v4h-1.6V3.6H10zM14 10v4h-4v-1.6h2.4V10zM6 14H2v-4h1.6v2.4H6z";

export class Head {
  constructor({ h, store, signal, headings }, full) {
    this.h = h;
    this.store = store;
    const { doc } = store;
    const { picker, option } = widgets(h, signal);
    this.pairs = doc.subjects.flatMap((subject, s) =>
      subject.rows.map((row) => ({ subject: s, target: row.target, method: row.method, row })),
    );
    this.title = h(headings[0], { class: "vge-title" });
    this.facts = h("p", { class: "vge-facts" });
    this.subject = picker("Image and network", "Which image, seen by which network, is shown", (value) =>
      store.update({ subject: Number(value), with: null }),
    );
    this.with = picker(
      "Compare with",
      "A second picture in step with the first: another class, method, network or image",
      (value) => {
        const { row, ...pair } = value === "" ? { row: null } : this.pairs[Number(value)];
        store.update({ with: row ? pair : null });
      },
    );
    this.classes = h("div", { class: "vge-classes", role: "radiogroup", "aria-label": "Class explained" });
    this.chipsOf = null;
    roving(this.classes, signal);
    this.subject.select.append(...doc.subjects.map((_, s) => option(String(s), subjectName(doc, s))));
    this.subject.wrap.hidden = doc.subjects.length < 2;
    this.with.select.append(option("", "nothing"), ...this.groups(option));
    this.with.wrap.hidden = this.pairs.length < 2;
    this.full = h(
      "button",
      {
        type: "button",
        class: "vge-icon-button",
        "aria-label": "Full screen",
        title: "Full screen (f)",
        on: { click: full },
      },
      icon(CORNERS),
    );
    this.full.hidden = !document.fullscreenEnabled;
    this.wrap = h(
      "header",
      { class: "vge-head" },
      h("div", { class: "vge-names" }, this.title, this.facts),
      h("div", { class: "vge-pickers" }, this.subject.wrap, this.with.wrap, this.full),
    );
    this.lead = h("p", { class: "vge-lead", textContent: LEAD });
  }

  /** What one can compare with: a group for each image and network, in it classes, and methods where there are several. */
  groups(option) {
    const { doc } = this.store;
    const many = differing(doc);
    const entries = this.pairs.map((pair, i) => ({ ...pair, i }));
    return doc.subjects.map((_, s) => {
      const label = subjectName(doc, s, doc.subjects.length > 1 ? many : {}) || "this image and network";
      const words = (row) =>
        [classWords(row), many.method ? methodWords(row.method) : ""].filter(Boolean).join(SEPARATOR);
      const options = entries.filter((pair) => pair.subject === s).map(({ i, row }) => option(String(i), words(row)));
      return this.h("optgroup", { label }, ...options);
    });
  }

  draw({ subject, row, image, layer }) {
    const { state } = this.store;
    this.lead.textContent = layer.grid.regions || layer.ranked === false ? LEAD_OF_OTHERS : LEAD;
    this.title.textContent = this.title.title = image.name;
    const facts = [subject.name, subject.note, `${subject.depth} graph layers`, methodWords(row.method)];
    this.facts.textContent = facts.filter(Boolean).join(SEPARATOR);
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
          title: entry.row ? `Explain ${entry.label}` : `${entry.label}: no map of this class in this file`,
          on: { click: () => store.update({ target: entry.index }) },
        },
        h("span", { class: "vge-chip-label", textContent: entry.label }),
        h("span", { class: "vge-chip-value", textContent: value }),
        bar,
      );
    });
  }
}
