// Keys of the whole explorer (those of a picture are the pane's).

const TYPING = "input:not([type=range]):not([type=checkbox]), select, textarea";

/** One letter or digit a deed. */
export function listen(root, { store, strip, full, signal }) {
  const nextClass = () => {
    const { doc, state } = store;
    const same = doc.subjects[state.subject].rows.filter((each) => each.method === state.method);
    const at = same.findIndex((row) => row.target === state.target);
    store.update({ target: same[(at + 1) % same.length].target });
  };
  const deeds = {
    "[": () => strip.step(-1),
    "]": () => strip.step(1),
    PageUp: () => strip.step(-1),
    PageDown: () => strip.step(1),
    1: () => store.update({ hops: 1 }),
    2: () => store.update({ hops: 2 }),
    3: () => store.update({ hops: 3 }),
    o: () => store.update({ out: !store.state.out }),
    p: () => strip.toggle(),
    "+": () => store.zoomBy(1.5),
    "=": () => store.zoomBy(1.5),
    "-": () => store.zoomBy(1 / 1.5),
    0: () => store.update({ zoom: 1 }),
    f: () => full(),
    c: nextClass,
    Escape: () => store.letGo(),
  };
  root.addEventListener(
    "keydown",
    (event) => {
      if (
        event.altKey ||
        event.ctrlKey ||
        event.metaKey ||
        event.target.matches(TYPING) ||
        !Object.hasOwn(deeds, event.key)
      )
        return;
      deeds[event.key]();
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  guard(root, signal);
}

/** JupyterLab's single-key shortcuts keep out while the focus is here; those with Control or Command stay its own. */
function guard(root, signal) {
  const set = (on) =>
    on ? root.setAttribute("data-lm-suppress-shortcuts", "true") : root.removeAttribute("data-lm-suppress-shortcuts");
  const opens = (event) => ["Control", "Meta"].includes(event.key);
  root.addEventListener("keydown", (event) => opens(event) && set(false), { signal });
  root.addEventListener("keyup", (event) => opens(event) && set(true), { signal });
  root.addEventListener("focusout", () => set(true), { signal });
  set(true);
}
