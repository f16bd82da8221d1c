// The explorer itself: its parts put together, drawn in order, and taken down.

import { Alike, candidatesOf } from "./alike.js";
import { THEMES } from "./colors.js";
import { commandOf, fileName } from "./command.js";
import { opened } from "./document.js";
import { elements, widgets } from "./dom.js";
import { pngOf, sheetOf, svgOf } from "./export.js";
import { Head } from "./head.js";
import { fieldOf } from "./heatmap.js";
import { KEYS, WORDS } from "./help.js";
import { Hubs } from "./hubs.js";
import { listen } from "./keyboard.js";
import { keyElements } from "./legend.js";
import { Looks } from "./looks.js";
import { Pictures } from "./painting.js";
import { Panel } from "./panel.js";
import { Pane } from "./panes.js";
import { Saving } from "./saving.js";
import { captionOf, spokenWords } from "./sentences.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
import { Tabs } from "./tabs.js";
import { schemeBehind } from "./theme.js";
import { Hint, Tools } from "./tools.js";
import { overlap, pointedView } from "./view.js";

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
    make: widgets(h, signal),
    uid: `vge${++explorers}`,
    pictures: new Pictures(doc),
    still: matchMedia("(prefers-reduced-motion: reduce)"),
    touch: matchMedia("(hover: none)"),
    // A page of its own begins with its title; in a notebook headings of the first rank are the notebook's.
    headings: document.body.classList.contains("vge-page") ? ["h1", "h2"] : ["h2", "h3"],
  };
  const { pictures } = context;
  const panes = [new Pane(context, 0), new Pane(context, 1)];
  const onPaper = () =>
    [0, 1]
      .map((which) => pointedView(doc, store.state, { ...store, hovered: null, theme: THEMES.light }, which))
      .filter(Boolean);
  const deeds = {
    svg: (scale = 1) => svgOf(doc, store.state, pictures, onPaper(), scale),
    png: (scale = 1) => pngOf(store.state, pictures, onPaper(), scale),
    command: () => commandOf(store.state, seenTop(store.state, onPaper()[0])),
    name: () => fileName(store.state, onPaper()[0]),
    link: address ? () => address(store.state) : null,
  };
  const full = () =>
    (document.fullscreenElement === root ? document.exitFullscreen() : root.requestFullscreen?.())?.catch(() => {});
  const parts = makeParts(context, deeds, full);
  const root = assemble(h, doc, panes, parts);
  el.append(root);
  store.onLayer = () => {
    for (const pane of panes) pane.fade();
  };
  listen(root, { store, strip: parts.strip, full, signal });

  function refreshed() {
    for (const pane of panes) pane.refresh();
    const [{ view }] = panes;
    if (parts.tabs.shown === ALIKE && view.actives[0]) view.alike = candidatesOf(view.layer, view.actives[0].node);
    return view;
  }
  function draw(waiting) {
    const all = waiting.has("all");
    const view = refreshed();
    if (all) {
      for (const part of [parts.head, parts.tools, parts.looks, parts.saving]) part.draw(view);
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
    if (all || waiting.has("panel")) drawSide(parts, panes, view);
    drawWords(h, root, store, panes, parts);
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
    command: () => deeds.command().line,
    update: (partial, options) => store.update(partial, options),
    flush: () => store.flush(),
    get state() {
      return structuredClone(store.state);
    },
    edges: (which = 0) => (of(which)?.edges ?? []).map(({ fromBox, toBox, leads, ...edge }) => edge),
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

/** Names of the panels beside the picture. */
const [NEIGHBORS, ALIKE, LAYER] = ["Neighbors", "Most alike", "Whole layer"];

function makeParts(context, deeds, full) {
  const { h, store, make } = context;
  const parts = {
    head: new Head(context, full),
    tools: new Tools(context),
    hint: new Hint(context),
    strip: new Strip(context),
    panel: new Panel(context),
    alike: new Alike(context),
    hubs: new Hubs(context),
    looks: new Looks(context),
    saving: new Saving(context, deeds),
    legend: h("p", { class: "vge-legend vge-key" }),
    live: new Live(h),
    tabs: null,
  };
  const help = h(
    "div",
    { class: "vge-side" },
    h(context.headings[1], { textContent: "Words" }),
    make.definitions(WORDS),
    h(context.headings[1], { textContent: "Keys" }),
    make.definitions(KEYS),
  );
  const entries = [
    { name: NEIGHBORS, title: "The patch and its neighbors, as a table", node: parts.panel.wrap },
    { name: ALIKE, title: "The patches most like it that were not chosen", node: parts.alike.wrap },
    { name: LAYER, title: "The whole layer: hubs, lengths of edges", node: parts.hubs.wrap },
    { name: "Look", title: "Method, colors, scale, canvas", node: parts.looks.wrap },
    { name: "Save", title: "Picture, command line, link", node: parts.saving.wrap },
    { name: "Help", title: "What the words mean, and keys", node: help },
  ];
  parts.tabs = new Tabs(context, entries, () => store.later("panel", "over"));
  return parts;
}

/** Draw the panel that is open. */
function drawSide({ tabs, panel, alike, hubs }, panes, view) {
  if (tabs.shown === NEIGHBORS) panel.draw(panes);
  if (tabs.shown === ALIKE) alike.draw(view);
  if (tabs.shown === LAYER) hubs.draw(view);
}

function assemble(h, doc, panes, { head, tools, hint, tabs, strip, legend, live }) {
  const pictures = h("div", { class: "vge-panes" }, ...panes.map((pane) => pane.figure));
  const left = h("div", { class: "vge-left" }, hint.wrap, pictures);
  strip.wrap.append(legend);
  const body = h("div", { class: "vge-body" }, left, tabs.wrap, strip.wrap);
  return h(
    "section",
    { class: "vge", "aria-label": `Explorer: ${doc.title}` },
    h("div", { class: "vge-frame" }, head.wrap, head.lead, head.classes, tools.wrap, body, live.wrap),
  );
}

function layout(root, state, panes) {
  const two = Boolean(state.with);
  root.dataset.panes = two ? "2" : "1";
  for (const pane of panes) if (pane.view) pane.layout();
  const { shown } = panes[0].view;
  root.style.setProperty("--vge-aspect", String((shown.width / shown.height) * (two ? 2 : 1)));
}

function drawWords(h, root, store, panes, { hint, saving, strip, legend, live }) {
  const { state, hovered } = store;
  const shown = panes.filter((pane) => pane.view);
  for (const pane of shown) pane.drawWords();
  strip.drawWords();
  const { view } = panes[0];
  hint.draw(view);
  saving.drawWords(sheetOf(shown.map((pane) => pane.view)));
  const both = overlap(view, panes[1].view);
  legend.replaceChildren(...keyElements(h, view), ...(both ? [h("span", { textContent: both })] : []));
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
    sets: String(view.sets?.length ?? 0),
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
    if (root.style.colorScheme === scheme) return;
    root.style.colorScheme = scheme;
    store.theme = THEMES[scheme];
    store.later("all");
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

/** A view with the top of the scale that its map is seen on. */
function seenTop(state, view) {
  return { ...view, top: state.field === "chosen" ? 0 : fieldOf(state, view).top };
}
