// The explorer: what a vision graph network looked at, and whom its patches asked.
//
// One module for two hosts. In a notebook anywidget calls `render({ model, el })`; in the offline page, known by the
// mark on its root, the module opens it by itself, with a model of its own (page.js). It fetches nothing and leaves
// nothing behind when the function that `render` returns is called.

import { mount } from "./explorer.js";
import { openPage } from "./page.js";
import { DEFAULTS } from "./state.js";
import { hideStills } from "./stills.js";

/**
 * anywidget's entry: draw the model's `document` in `el`, keep its `state` in step, return what undoes it all.
 * A model that is not a notebook's may have an `address`, see `mount`.
 *
 * @param {{ model: any, el: HTMLElement }} host
 */
export function render({ model, el }) {
  let api = null;
  let saving = 0;
  const save = (state) => {
    model.set("state", state);
    clearTimeout(saving);
    saving = window.setTimeout(() => model.save_changes(), 150);
  };
  const build = () => {
    clearTimeout(saving);
    api?.destroy();
    el.replaceChildren();
    try {
      api = mount(el, model.get("document"), model.get("state"), save, model.address);
    } catch (error) {
      api = null;
      el.textContent = `This explorer cannot be shown: ${error.message}`;
      throw error;
    }
  };
  const follow = () => {
    const state = model.get("state");
    if (api && JSON.stringify(state) !== JSON.stringify(api.state))
      api.update({ ...DEFAULTS, ...state }, { quiet: true });
  };
  build();
  const showStills = hideStills(el, model.get("key"));
  model.on("change:document", build);
  model.on("change:state", follow);
  return () => {
    model.off("change:document", build);
    model.off("change:state", follow);
    clearTimeout(saving);
    showStills();
    api?.destroy();
    api = null; // hosts may keep this function longer than the view
  };
}

if (document.documentElement.dataset.vizgraph === "page") openPage(render);

export default { render };
