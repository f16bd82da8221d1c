// The side of the explorer: one of several panels at a time.

export class Tabs {
  /**
   * @param {any} context
   * @param {{ name: string, title: string, node: HTMLElement }[]} entries
   * @param {(name: string) => void} opened called with the name of the panel that opens.
   */
  constructor({ h, uid, signal }, entries, opened) {
    this.opened = opened;
    this.entries = entries.map(({ name, title, node }) => {
      const id = `${uid}-${name.toLowerCase().replaceAll(" ", "-")}`;
      const tab = h("button", {
        type: "button",
        role: "tab",
        id: `${id}-tab`,
        class: "vge-tab",
        textContent: name,
        title,
        "aria-controls": id,
        on: { click: () => this.open(name) },
      });
      const panel = h(
        "div",
        { role: "tabpanel", id, class: "vge-panel-inner", tabIndex: 0, "aria-labelledby": tab.id },
        node,
      );
      return { name, tab, panel };
    });
    const list = h(
      "div",
      { class: "vge-tabs", role: "tablist", "aria-label": "Beside the picture" },
      ...this.entries.map(({ tab }) => tab),
    );
    list.addEventListener("keydown", (event) => this.walk(event), { signal });
    this.wrap = h(
      "div",
      { class: "vge-panel" },
      list,
      h("div", { class: "vge-panel-body" }, ...this.entries.map(({ panel }) => panel)),
    );
    this.open(entries[0].name);
  }

  open(name) {
    this.shown = name;
    for (const entry of this.entries) {
      const on = entry.name === name;
      entry.panel.hidden = !on;
      entry.tab.setAttribute("aria-selected", String(on));
      entry.tab.tabIndex = on ? 0 : -1;
    }
    this.opened(name);
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = this.entries.findIndex(({ name }) => name === this.shown);
    const { name, tab } = this.entries[(at + step + this.entries.length) % this.entries.length];
    this.open(name);
    tab.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}
