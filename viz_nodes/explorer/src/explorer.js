// The explorer itself: its parts put together, drawn in order, and taken down.

import { commandOf, fileName } from "./command.js";
import { Controls, Hint } from "./controls.js";
import { opened } from "./document.js";
import { elements } from "./dom.js";
import { pngOf, sheetOf, svgOf } from "./export.js";
import { Head } from "./head.js";
import { listen } from "./keyboard.js";
import { Pictures } from "./painting.js";
import { Panel } from "./panel.js";
import { Pane } from "./panes.js";
import { captionOf, spokenWords } from "./sentences.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
import { schemeBehind } from "./theme.js";
import { overlap } from "./view.js";

let explorers = 0;

/**
 * Build an explorer inside `el`.
 *
 * @param {HTMLElement} el where.
 * @param {any} source the document, as `viz_nodes.explorer.document` makes it.
 * @param {object} given the state to begin with; keys that are absent have their default.
 * @param {(state: object) => void} onState called with a copy of the state after each change made here.
 * @param {((state: object) => string) | null} address gives the link that opens a state, where the host has such links.
 * @returns {any} the api, also found as `explorer` on the root element: `ready` (a promise: photographs are there),
 *   `state`, `update(partial)`, `hover(x, y)`, `edges(pane)`, `text(pane)`, `svg(scale)`, `png(scale)`, `command()`,
 *   `flush()` (draw at once what waits for the next frame), `destroy()`.
 */
export function mount(el, source, given = {}, onState = () => {}, address = null) {
  const doc = opened(source);
  const stop = new AbortController();
  const { signal } = stop;
  const h = elements(signal);
  const store = new Store(doc, given, onState, (parts) => draw(parts));
  const context = {
    h,
    store,
    signal,
    uid: `vge${++explorers}`,
    pictures: new Pictures(doc),
    still: matchMedia("(prefers-reduced-motion: reduce)"),
    touch: matchMedia("(hover: none)"),
  };
  const { pictures } = context;
  const panes = [new Pane(context, 0), new Pane(context, 1)];
  const views = () => panes.filter((pane) => pane.view).map((pane) => pane.view);
  const refreshed = () => {
    for (const pane of panes) pane.refresh();
    return views();
  };
  const deeds = {
    svg: (scale = 1) => svgOf(doc, store.state, pictures, refreshed(), scale),
    png: (scale = 1) => pngOf(store.state, pictures, refreshed(), scale),
    command: () => commandOf(store.state, refreshed()[0]),
    name: () => fileName(store.state, refreshed()[0]),
    link: address ? () => address(store.state) : null,
  };
  const parts = {
    head: new Head(context),
    controls: new Controls(context, deeds),
    hint: new Hint(context),
    panel: new Panel(context),
    strip: new Strip(context),
    legend: h("p", { class: "vge-legend" }),
    live: new Live(h),
  };
  const root = assemble(h, doc, panes, parts);
  el.append(root);
  store.onLayer = () => {
    for (const pane of panes) pane.fade();
  };
  listen(root, { store, strip: parts.strip, signal });

  function draw(waiting) {
    const all = waiting.has("all");
    const [view] = refreshed();
    if (all) {
      parts.head.draw(view);
      parts.controls.draw(view);
      parts.strip.drawFrame(view.subject);
      layout(root, store.state, panes);
    }
    for (const pane of panes) {
      if (!pane.view) continue;
      if (all || waiting.has("base")) pane.drawBase();
      pane.drawOver();
    }
    if (all || waiting.has("strip")) parts.strip.drawBases(view);
    parts.strip.drawEdges(view);
    if (all || waiting.has("panel")) parts.panel.draw(panes);
    drawWords(root, store, panes, parts);
  }

  const watching = watch(el, root, panes, store, signal);
  const ready = pictures.ready.then(() => {
    if (signal.aborted) return;
    store.later("all");
    store.flush();
    root.dataset.ready = "1";
    performance.mark?.("vizgraph-explorer-ready");
  });
  store.later("all");
  store.flush();

  const of = (which) => refreshed() && panes[which].view;
  const api = {
    root,
    ready,
    ...deeds,
    update: (partial, options) => store.update(partial, options),
    flush: () => store.flush(),
    get state() {
      return structuredClone(store.state);
    },
    edges: (which = 0) => (of(which)?.edges ?? []).map(({ fromBox, toBox, ...edge }) => edge),
    text: (which = 0) => (of(which) ? captionOf(store.state, panes[which].view) : ""),
    hover: (x, y) => {
      store.hovered = x === null ? null : [x, y];
      store.later("over", "panel");
    },
    destroy: () => {
      if (signal.aborted) return;
      stop.abort();
      for (const part of [store, parts.strip, parts.live, pictures]) part.end();
      for (const observer of watching) observer.disconnect();
      root.remove();
    },
  };
  /** @type {any} */ (root).explorer = api;
  return api;
}

function assemble(h, doc, panes, { head, controls, hint, panel, strip, legend, live }) {
  const pictures = h("div", { class: "vge-panes" }, ...panes.map((pane) => pane.figure));
  const body = h(
    "div",
    { class: "vge-body" },
    h("div", { class: "vge-left" }, pictures, legend),
    strip.wrap,
    h("div", { class: "vge-panel" }, panel.wrap),
  );
  return h(
    "section",
    { class: "vge", "aria-label": `Explorer: ${doc.title}` },
    head.wrap,
    head.classes,
    controls.tools,
    hint.wrap,
    body,
    controls.wrap,
    live.wrap,
  );
}

function layout(root, state, panes) {
  const two = Boolean(state.with);
  root.dataset.panes = two ? "2" : "1";
  for (const pane of panes) if (pane.view) pane.layout();
  const { image } = panes[0].view;
  root.style.setProperty("--vge-aspect", String((image.width / image.height) * (two ? 2 : 1)));
}

function drawWords(root, store, panes, { hint, controls, strip, legend, live }) {
  const { state, hovered } = store;
  const shown = panes.filter((pane) => pane.view);
  for (const pane of shown) pane.drawWords();
  strip.drawWords();
  hint.draw();
  controls.drawWords(sheetOf(shown.map((pane) => pane.view)));
  const { view } = panes[0];
  const width = state.hops > 1 ? "width: product of shares" : "width: share";
  legend.textContent = [width, "star: peak", "ring: asks itself", overlap(view, panes[1].view)]
    .filter(Boolean)
    .join(" · ");
  const now = view.actives[0];
  Object.assign(root.dataset, {
    layer: String(state.layer),
    node: now ? String(now.node) : "",
    pins: String(state.pins.length),
    hops: String(state.hops),
    target: String(state.target),
    method: state.method,
    subject: String(state.subject + 1),
    edges: String(view.edges.length),
    playing: strip.timer ? "1" : "0",
  });
  live.say(spokenWords(state, hovered, view));
}

/** A region that says aloud where one is, once the pointer rests. */
class Live {
  constructor(h) {
    this.wrap = h("div", { class: "vge-hidden", role: "status", "aria-live": "polite" });
    this.words = "";
    this.timer = 0;
  }

  say(words) {
    if (words === this.words) return;
    this.words = words;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.wrap.textContent = words;
    }, 400);
  }

  end() {
    clearTimeout(this.timer);
  }
}

/** Follow the size of the parts, and the host's theme, which need not be what the system prefers. */
function watch(el, root, panes, store, signal) {
  const dress = () => {
    const scheme = schemeBehind(el);
    if (root.style.colorScheme !== scheme) root.style.colorScheme = scheme;
  };
  const sizes = new ResizeObserver(() => {
    dress();
    store.later("base", "strip");
  });
  for (const node of [root, ...panes.map((pane) => pane.stage)]) sizes.observe(node);
  const themes = new MutationObserver(dress);
  for (const node of [document.documentElement, document.body]) if (node) themes.observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress, { signal });
  dress();
  return [sizes, themes];
}
