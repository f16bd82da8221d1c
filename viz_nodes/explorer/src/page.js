// The offline page: a model of a few methods in place of a notebook's, whose `state` lives in the URL's hash.

import { formatHash, parseHash } from "./state.js";

/**
 * Draw the document that the page brings.
 *
 * @param {(host: { model: any, el: HTMLElement }) => void} render
 */
export function openPage(render) {
  const { document: shown, state: initial } = JSON.parse(document.getElementById("vizgraph-document").textContent);
  const fromHash = () => ({ ...initial, ...parseHash(location.hash) });
  const values = { document: shown, state: fromHash() };
  const here = () => location.href.replace(/#.*$/, "");
  const listeners = new Map();
  const model = {
    get: (key) => values[key],
    set: (key, value) => {
      values[key] = value;
    },
    on: (event, callback) => listeners.set(event, [...(listeners.get(event) ?? []), callback]),
    off: (event, callback) =>
      listeners.set(
        event,
        (listeners.get(event) ?? []).filter((each) => each !== callback),
      ),
    address: location.protocol === "about:" ? null : (state) => here() + formatHash(state, initial),
    save_changes: () => {
      try {
        history.replaceState(null, "", formatHash(values.state, initial) || here());
      } catch {
        /* a frame without an address of its own keeps no hash */
      }
    },
  };
  addEventListener("hashchange", () => {
    values.state = fromHash();
    for (const callback of listeners.get("change:state") ?? []) callback();
  });
  const el = document.getElementById("explorer");
  el.replaceChildren();
  render({ model, el });
}
