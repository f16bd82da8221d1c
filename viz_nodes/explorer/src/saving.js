// What can be taken along: pictures, the command line, the link.

export class Saving {
  /**
   * @param {any} context
   * @param {{ svg: (scale: number) => string, png: (scale: number) => Promise<Blob>,
   *   command: () => { line: string, lacks: string }, name: () => string, link: (() => string) | null }} deeds
   */
  constructor({ h, store, make }, deeds) {
    this.h = h;
    this.deeds = deeds;
    const { button } = make;
    this.size = h("input", {
      type: "number",
      min: 0.5,
      max: 10,
      step: 0.5,
      value: "2",
      title: "Pixels a unit: 2 is 1280 across",
      on: { input: () => store.later("words") },
    });
    this.pixels = h("span", { class: "vge-note" });
    this.said = h("p", { class: "vge-note", role: "status" });
    this.line = h("input", {
      type: "text",
      readOnly: true,
      class: "vge-command",
      "aria-label": "Command line that renders this view",
      title: "The vizgraph command that draws this view as a figure",
      on: { focus: () => this.line.select() },
    });
    this.lacks = h("p", { class: "vge-note" });
    const svg = async (scale) => new Blob([deeds.svg(scale)], { type: "image/svg+xml" });
    const save = (kind, picture) => async () => this.save(kind, await picture(this.scaleOf()));
    this.copyCommand = button("Copy as command line", "Copy the command that draws this view", () =>
      this.copy("Command line", deeds.command().line),
    );
    const link = deeds.link
      ? button("Copy link", "Copy an address that opens this page as it is now", () => this.copy("Link", deeds.link()))
      : null;
    this.wrap = h(
      "div",
      { class: "vge-side" },
      h(
        "div",
        { class: "vge-row" },
        button("Save SVG", "The picture with its edges as vectors", save("svg", svg)),
        button("Save PNG", "The picture in pixels", save("png", deeds.png)),
        h("label", { class: "vge-inline" }, h("span", { textContent: "scale" }), this.size),
        this.pixels,
      ),
      h("div", { class: "vge-row" }, this.copyCommand, link),
      this.line,
      this.lacks,
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

  draw() {
    const { line, lacks } = this.deeds.command();
    this.line.value = line;
    this.lacks.textContent = lacks;
    this.line.hidden = !line;
    this.copyCommand.disabled = !line;
  }

  drawWords({ width, height }) {
    const scale = this.scaleOf();
    this.pixels.textContent = `${Math.round(width * scale)} \u00d7 ${Math.round(height * scale)} pixels`;
  }
}
