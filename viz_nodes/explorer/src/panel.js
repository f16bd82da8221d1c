// The table of a patch's neighbors.

import { boxOf, centerOf, nodeAt, spotOf } from "./geometry.js";
import { MEANINGS } from "./help.js";
import { isKnown, topOf } from "./quantities.js";
import { capital, emptyWords, neighborWords, patchDistance, placeWords } from "./sentences.js";
import { drawThumb } from "./thumbs.js";
import { among, known, number, percent } from "./words.js";

const COLUMNS = ["rank", "share", "contribution", "effect", "distance"];
const MOST_ROWS = 100;
const UNRANKED = "place in the layer's list of neighbors, which it is not known to have sorted";
const BLANK =
  "This map is blank: no positive evidence, so no patch is the peak. Point at a patch to see its neighbors.";

const ORDERS = {
  rank: (a, b) => a.rank - b.rank || a.to - b.to,
  share: (a, b) => (b.share || 0) - (a.share || 0) || a.rank - b.rank,
  contribution: (a, b) => Math.abs(b.contribution || 0) - Math.abs(a.contribution || 0) || a.rank - b.rank,
  effect: (a, b) => Math.abs(b.effect || 0) - Math.abs(a.effect || 0) || a.rank - b.rank,
};

/** Edges in the order asked for: by rank or distance from the nearest, else from the largest, whatever its sign. */
export function sorted(edges, sort, layer) {
  const near = (a, b) => patchDistance(a, layer) - patchDistance(b, layer);
  return [...edges].sort(ORDERS[sort] ?? near);
}

export class Panel {
  constructor({ h, store, pictures, headings }) {
    this.h = h;
    this.heading = headings[1];
    this.store = store;
    this.pictures = pictures;
    this.sections = [];
    this.wrap = h("div", { class: "vge-neighbors" });
  }

  draw(panes) {
    const wanted = panes.flatMap((pane) =>
      pane.view ? pane.view.actives.map((active, center) => ({ pane, active, center })) : [],
    );
    while (this.sections.length < wanted.length) this.addSection();
    this.sections.forEach((section, i) => {
      section.wrap.hidden = i >= wanted.length;
    });
    wanted.forEach(({ pane, active, center }, i) => {
      this.drawSection(this.sections[i], pane, active, center);
    });
    this.wrap.classList.toggle("vge-empty", !wanted.length);
    if (!wanted.length) this.wrap.dataset.words = BLANK;
  }

  addSection() {
    const { h, store } = this;
    const heads = COLUMNS.map((key) =>
      h(
        "th",
        { scope: "col", title: MEANINGS[key] },
        h("button", {
          type: "button",
          textContent: key,
          title: `${capital(MEANINGS[key])}. Click to sort.`,
          on: { click: () => store.update({ sort: key }) },
        }),
      ),
    );
    const first = h("th", { scope: "col" }, h("span", { class: "vge-hidden", textContent: "patch" }));
    const section = {
      heads,
      swatch: h("span", { class: "vge-swatch" }),
      name: h(this.heading),
      facts: h("p"),
      body: h("tbody"),
      more: h("p", { class: "vge-note" }),
      rows: [],
      wrap: null,
    };
    const table = h("table", { class: "vge-table" }, h("thead", {}, h("tr", {}, first, ...heads)), section.body);
    const center = h("div", { class: "vge-center" }, section.swatch, h("div", {}, section.name, section.facts));
    section.wrap = h("section", { class: "vge-section" }, center, table, section.more);
    this.wrap.append(section.wrap);
    this.sections.push(section);
  }

  addLine(section) {
    const { h, store } = this;
    const line = { edge: null, pane: 0 };
    const light = () => line.edge && store.light(line.pane, line.edge);
    const unlight = () => store.light(0, null);
    const go = () =>
      line.edge && store.update({ pins: [spotOf(store.state.out ? line.edge.toBox : line.edge.fromBox)] });
    const parts = {
      thumb: h("canvas", { class: "vge-thumb", "aria-hidden": "true" }),
      rank: h("span", { class: "vge-rank" }),
      place: h("span", { class: "vge-place" }),
      share: h("span"),
      shareBar: h("i"),
      contribution: h("span"),
      contributionBar: h("i"),
      effect: h("span"),
      effectBar: h("i"),
      distance: h("td", { class: "vge-distance" }),
    };
    const button = h(
      "button",
      {
        type: "button",
        class: "vge-go",
        title: "Keep this patch instead",
        on: { click: go, focus: light, blur: unlight },
      },
      parts.thumb,
    );
    const wrap = h(
      "tr",
      { on: { pointerenter: light, pointerleave: unlight } },
      h("td", {}, button),
      h("td", {}, parts.rank, parts.place),
      h("td", {}, parts.share, h("span", { class: "vge-meter" }, parts.shareBar)),
      h("td", {}, parts.contribution, h("span", { class: "vge-meter vge-signed" }, parts.contributionBar)),
      h("td", {}, parts.effect, h("span", { class: "vge-meter vge-signed" }, parts.effectBar)),
      parts.distance,
    );
    section.body.append(wrap);
    section.rows.push(Object.assign(line, parts, { go: button, wrap }));
  }

  drawSection(section, pane, active, center) {
    const { state } = this.store;
    const { view } = pane;
    const all = view.edges.filter((edge) => edge.hop === 1 && edge.center === center);
    section.swatch.style.background = active.color;
    const [name, facts] = headWords(view, active, all);
    section.name.textContent = name + (state.with ? ` · ${pane.which ? "right" : "left"}` : "");
    section.facts.textContent = facts;
    const sort = state.sort === "auto" ? view.by.order : state.sort;
    const falling = ["share", "contribution", "effect"].includes(sort) ? "descending" : "ascending";
    section.wrap.classList.toggle("vge-unmeasured", !isKnown("effect", view.row.layers[view.layer.place], view.layer));
    const words = view.layer.ranked === false ? ["number", UNRANKED] : ["rank", MEANINGS.rank];
    section.heads[0].firstChild.textContent = words[0];
    section.heads[0].title = words[1];
    section.heads[0].firstChild.title = `${capital(words[1])}. Click to sort.`;
    section.heads.forEach((head, i) => {
      head.setAttribute("aria-sort", COLUMNS[i] === sort ? falling : "none");
    });
    const edges = sorted(all, sort, view.layer);
    const shown = edges.slice(0, MOST_ROWS);
    while (section.rows.length < shown.length) this.addLine(section);
    const tops = {
      share: Math.max(1e-9, ...shown.map((edge) => edge.share || 0)),
      contribution: topOf(shown, "contribution"),
      effect: topOf(shown, "effect"),
    };
    section.rows.forEach((line, i) => {
      this.drawLine(line, pane, shown[i], tops);
    });
    const hidden = edges.length - shown.length;
    section.more.textContent = hidden ? `and ${hidden} more` : edges.length ? "" : emptyWords(state, view);
  }

  drawLine(line, pane, edge, tops) {
    const { view } = pane;
    line.edge = edge ?? null;
    line.pane = pane.which;
    line.wrap.hidden = !edge;
    line.wrap.classList.toggle("vge-lit", Boolean(edge) && edge === view.lit);
    if (!edge) return;
    const box = view.out ? edge.toBox : edge.fromBox;
    const where = placeWords(box, view.out ? view.layer.grid : view.layer.key_grid);
    line.rank.textContent = edge.itself ? "itself" : String(edge.nth);
    line.place.textContent = where.replace("column", "col");
    line.share.textContent = percent(edge.share);
    line.shareBar.style.width = `${(100 * (edge.share || 0)) / tops.share}%`;
    for (const by of ["contribution", "effect"]) {
      line[by].textContent = among(edge[by], tops[by]);
      const part = known(edge[by]) ? (50 * edge[by]) / tops[by] : 0;
      const bar = line[`${by}Bar`];
      Object.assign(bar.style, { left: `${part < 0 ? 50 + part : 50}%`, width: `${Math.abs(part)}%` });
      bar.dataset.sign = part < 0 ? "minus" : "plus";
    }
    line.distance.textContent = number(Number(patchDistance(edge, view.layer).toFixed(1)));
    const unit = view.layer.grid.regions ? "usual distances of two regions" : "patches on the grid";
    line.distance.title = `${unit}${edge.distance === null ? "" : `; ${number(edge.distance)} between features`}`;
    line.go.setAttribute("aria-label", `Go to ${where}`);
    drawThumb(line.thumb, this.pictures, view, box);
  }
}

/** Name of a patch, and what is known of it. */
function headWords(view, active, edges) {
  const { layer, row } = view;
  const pooled = layer.grid.join() !== layer.key_grid.join();
  const keys = `${layer.key_grid.join(" \u00d7 ")} key nodes`;
  if (view.out && pooled) {
    const key = nodeAt(layer.key_grid, ...centerOf(active.box));
    return [
      `${capital(placeWords(active.box, layer.key_grid))} of ${keys}`,
      `key node ${key}, which covers node ${active.node} · ${neighborWords(view, active, edges)}`,
    ];
  }
  const where = placeWords(boxOf(layer.grid, active.node), layer.grid);
  const { cam, peak } = row.layers[layer.place];
  const neighbors = neighborWords(view, active, edges, pooled ? ` of ${keys}` : "");
  return [
    peak === active.node ? `Peak: ${where}` : capital(where),
    `node ${active.node} · map ${number(cam[active.node])} · ${neighbors}`,
  ];
}
