// The explorer: what a vision graph network looked at, and whom its patches asked.
//
// One module for two hosts. In a notebook anywidget calls `render({ model, el })`; in the offline page `page.js`,
// appended to this text, calls it with a model of its own. It fetches nothing and leaves nothing behind when the
// function that `render` returns is called.
//
// Sections: formats | packed arrays | geometry | edges | state | heatmaps | scene | painters | theme | explorer | hosts.

// ---------------------------------------------------------------------------------------------------- formats

const NBSP = "\u00a0";
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

/** A fraction in percent that is never rounded to a false 0 or 100. */
function percent(fraction) {
  if (!known(fraction)) return "unknown";
  const value = 100 * fraction;
  if (value > 0 && value < 0.5) return `<1${NBSP}%`;
  if (value > 99.5 && value < 99.9999) return `>99${NBSP}%`;
  return `${Math.round(value)}${NBSP}%`;
}

/** A value in at most three significant digits, with a true minus sign. */
function number(value, signed = false) {
  if (!known(value)) return "unknown";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = size >= 1e6 || size < 1e-3 ? size.toExponential(1) : String(Number(size.toPrecision(size >= 1000 ? 4 : 3)));
  text = text.replace("-", "\u2212").replace("+", "");
  return (value < 0 ? "\u2212" : signed ? "+" : "") + text;
}

/** A signed value among others, the largest of which is `top`: as many decimals as give that one three digits. */
function among(value, top) {
  if (!known(value) || value === 0 || !(top >= 1e-4 && top < 1e6)) return number(value, true);
  const text = Math.abs(value).toFixed(Math.max(0, 2 - Math.floor(Math.log10(top))));
  return Number(text) === 0 ? `\u2248${NBSP}0` : (value < 0 ? "\u2212" : "+") + text;
}

const METHODS = {
  gradcam: "Grad-CAM", "gradcam++": "Grad-CAM++", xgradcam: "XGrad-CAM", layercam: "Layer-CAM", hirescam: "HiResCAM",
  eigencam: "Eigen-CAM", eigengradcam: "Eigen-Grad-CAM", gradcam_elementwise: "elementwise Grad-CAM",
  shapleycam: "ShapleyCAM", finercam: "Finer-CAM", kpcacam: "KPCA-CAM", fem: "FEM", scorecam: "Score-CAM",
  ablationcam: "Ablation-CAM",
};
const methodWords = (name) => (Object.hasOwn(METHODS, name) ? METHODS[name] : name);
const classWords = (row) =>
  row.label + (known(row.probability) ? ` (${percent(row.probability)})` : "") +
  (row.versus_label !== null ? ` rather than ${row.versus_label}` : "");
const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

// ---------------------------------------------------------------------------------------------------- packed arrays

const ARRAYS = { int16: Int16Array, int32: Int32Array, uint16: Uint16Array };
const UNKNOWN = { int16: -32768, uint16: 65535 };

/** Undo `viz_nodes.explorer.packing`: integers as they are, scaled values as floats, NaN where the value is unknown. */
function unpack(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const raw = new ARRAYS[packed.type](bytes.buffer);
  if (packed.scale === undefined) return raw;
  const values = new Float32Array(raw.length);
  const unknown = UNKNOWN[packed.type];
  for (let i = 0; i < raw.length; i++) values[i] = raw[i] === unknown ? NaN : raw[i] * packed.scale;
  return values;
}

/** Unpack each array once, when it is first looked at. */
function lazily(holder, packed) {
  for (const [key, value] of Object.entries(packed)) {
    let array = null;
    Object.defineProperty(holder, key, { enumerable: true, get: () => (array ??= unpack(value)) });
  }
  return holder;
}

/** The document with arrays in place of text; the document itself is left as it is. */
function opened(doc) {
  if (doc.format !== 1) throw new Error(`this explorer reads documents of format 1 (got ${doc.format})`);
  const subjects = doc.subjects.map((subject) => {
    const layers = subject.layers.map((layer, place) => {
      const { neighbors, share, distance, ...plain } = layer;
      const packed = distance ? { neighbors, share, distance } : { neighbors, share };
      return lazily({ ...plain, place, listeners: null }, packed);
    });
    const rows = subject.rows.map((row) => ({
      ...row,
      layers: row.layers.map(({ peak, ...packed }) => lazily({ peak }, packed)),
    }));
    return { ...subject, layers, rows };
  });
  return { ...doc, subjects };
}

// ---------------------------------------------------------------------------------------------------- geometry
// Places are fractions of what the network saw: (0, 0) its top left corner, (1, 1) its bottom right one.

const boxOf = ([rows, cols], node) => {
  const row = Math.floor(node / cols), col = node % cols;
  return [col / cols, row / rows, (col + 1) / cols, (row + 1) / rows];
};
const centerOf = (box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
const nodeAt = ([rows, cols], x, y) => {
  const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value + 1e-6)));
  return clip(y * rows, rows) * cols + clip(x * cols, cols);
};

/** Nodes of a grid that a box covers, as [node, the fraction of the box that the node takes]. */
function coveredBy([rows, cols], box) {
  const along = (low, high, n) => {
    const parts = [];
    for (let i = Math.max(0, Math.floor(low * n + 1e-6)); i < Math.min(n, Math.ceil(high * n - 1e-6)); i++) {
      parts.push([i, (Math.min(high, (i + 1) / n) - Math.max(low, i / n)) / (high - low)]);
    }
    return parts;
  };
  const across = along(box[0], box[2], cols);
  return along(box[1], box[3], rows).flatMap(([r, down]) => across.map(([c, part]) => [r * cols + c, down * part]));
}

const BENDS = [0.14, -0.14, 0.05, -0.05, 0.25, -0.25, 0.36, -0.36, 0.48, -0.48];
const controlOf = (x0, y0, x1, y1, bend) => [(x0 + x1) / 2 - bend * (y1 - y0), (y0 + y1) / 2 + bend * (x1 - x0)];

/** Bend the edges that meet in one place so that they arrive there from different directions; short ones choose first. */
function fan(edges) {
  const meeting = new Map();
  for (const edge of edges) {
    const key = `${edge.x1},${edge.y1}`;
    if (!meeting.has(key)) meeting.set(key, []);
    meeting.get(key).push(edge);
  }
  for (const group of meeting.values()) {
    if (group.length > 40) {
      for (const edge of group) edge.bend = BENDS[0];
      continue;
    }
    const apart = Math.min(0.5, (0.9 * 2 * Math.PI) / group.length);
    const taken = [];
    const length = (edge) => Math.hypot(edge.x1 - edge.x0, edge.y1 - edge.y0);
    for (const edge of [...group].sort((a, b) => length(a) - length(b) || a.from - b.from)) {
      let best = Infinity;
      for (const bend of BENDS) {
        const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, bend);
        const angle = Math.atan2(cy - edge.y1, cx - edge.x1);
        let cost = 1.5 * (Math.abs(bend) - 0.14) ** 2 + (bend < 0 ? 1e-3 : 0);
        cost += 2 * (Math.max(0, -cx) + Math.max(0, cx - 1) + Math.max(0, -cy) + Math.max(0, cy - 1));
        for (const other of taken) {
          const gap = Math.abs(((angle - other + 3 * Math.PI) % (2 * Math.PI)) - Math.PI);
          cost += Math.max(0, 1 - gap / apart) ** 2;
        }
        if (cost < best) { best = cost; edge.bend = bend; edge.arrival = angle; }
      }
      taken.push(edge.arrival);
    }
  }
}

// ---------------------------------------------------------------------------------------------------- edges

/** For each key node the places `center * k + rank` that name it, as one list with the starts of its parts. */
function listenersOf(layer) {
  if (layer.listeners) return layer.listeners;
  const keys = layer.key_grid[0] * layer.key_grid[1];
  const starts = new Int32Array(keys + 1);
  for (const key of layer.neighbors) if (key >= 0) starts[key + 1]++;
  for (let i = 0; i < keys; i++) starts[i + 1] += starts[i];
  const places = new Int32Array(starts[keys]), filled = starts.slice();
  layer.neighbors.forEach((key, place) => { if (key >= 0) places[filled[key]++] = place; });
  return (layer.listeners = { starts, places });
}

/** How many neighbors a node has: k, or fewer in a ragged graph. */
function degree(layer, node) {
  let there = 0;
  for (let place = node * layer.k; place < (node + 1) * layer.k; place++) there += layer.neighbors[place] >= 0;
  return there;
}

/** One edge as the explorer hands it out; it points from the neighbor, a key node, to the center that asked it. */
function edgeAt(layer, asked, place) {
  const from = layer.neighbors[place], to = Math.floor(place / layer.k);
  return {
    layer: layer.number, from, to, rank: place % layer.k,
    share: (asked.share ?? layer.share)[place],
    contribution: asked.contribution[place],
    distance: layer.distance ? layer.distance[place] : null,
    fromBox: boxOf(layer.key_grid, from), toBox: boxOf(layer.grid, to),
  };
}

/** The layer `step` further in the network, or undefined where the document does not hold it. */
const beside = (subject, layer, step) =>
  [subject.layers[layer.place + step]].find((other) => other && other.number === layer.number + step);

/**
 * The edges of a patch, over one to three hops. Asking ("in") goes one graph layer earlier with each hop, listening
 * ("out") one later, each layer with its own edges. A box that covers several nodes of the next layer (pyramids) asks
 * as one: its edges to the same key node are joined, their share the mean over its nodes by area.
 */
function edgesOf(subject, row, layer, node, { hops, k, share, out }) {
  const edges = [];
  const start = out ? boxOf(layer.key_grid, nodeAt(layer.key_grid, ...centerOf(boxOf(layer.grid, node)))) : boxOf(layer.grid, node);
  let frontier = new Map([[start.join(), { box: start, weight: 1, nodes: out ? null : [[node, 1]] }]]);
  let at = layer;
  for (let hop = 1; hop <= hops && at && frontier.size; hop++) {
    const asked = row.layers[at.place];
    const next = new Map();
    for (const { box, weight, nodes } of frontier.values()) {
      const joined = new Map();
      const inside = nodes ?? (out ? [[nodeAt(at.key_grid, ...centerOf(box)), 1]] : coveredBy(at.grid, box));
      const limit = k === 0 ? at.k : Math.min(k, at.k);
      for (const [one, part] of inside) {
        if (out) {
          const { starts, places } = listenersOf(at);
          for (let i = starts[one]; i < starts[one + 1]; i++) {
            if (places[i] % at.k < limit) join(joined, edgeAt(at, asked, places[i]), "to", 1);
          }
        } else {
          for (let rank = 0; rank < limit; rank++) {
            if (at.neighbors[one * at.k + rank] >= 0) join(joined, edgeAt(at, asked, one * at.k + rank), "from", part);
          }
        }
      }
      for (const edge of joined.values()) {
        if (edge.share < share) continue;
        edge.hop = hop;
        edge.weight = weight * (known(edge.share) ? edge.share : 0);
        if (inside.length > 1 && !out) edge.toBox = box;
        [edge.x0, edge.y0] = centerOf(edge.fromBox);
        [edge.x1, edge.y1] = centerOf(edge.toBox);
        edge.itself = Math.hypot(edge.x0 - edge.x1, edge.y0 - edge.y1) < 1e-6;
        edges.push(edge);
        const reached = out ? edge.toBox : edge.fromBox;
        const key = reached.join();
        const earlier = next.get(key);
        if (earlier) earlier.weight += edge.weight;
        else next.set(key, { box: reached, weight: edge.weight, nodes: null });
      }
    }
    frontier = next;
    at = beside(subject, at, out ? 1 : -1);
  }
  return edges;
}

/** Add an edge, of which `part` counts, to the one that joins the same nodes. */
function join(joined, edge, by, part) {
  const earlier = joined.get(edge[by]);
  if (earlier) {
    earlier.share += edge.share * part;
    earlier.contribution += edge.contribution;
    earlier.rank = Math.min(earlier.rank, edge.rank);
    earlier.joins += 1;
  } else {
    joined.set(edge[by], { ...edge, share: edge.share * part, joins: 1 });
  }
}

// ---------------------------------------------------------------------------------------------------- state

const DEFAULTS = {
  subject: 0, target: null, method: null, layer: null, pins: [], hops: 1, k: 0, share: 0, out: false, color: "auto",
  opacity: 0.6, palette: "inferno", scale: "layer", smooth: true, grid: true, sort: "auto", with: null,
};
const CHOICES = { color: ["auto", "contribution", "share", "center"], scale: ["layer", "shared"], sort: ["auto", "rank", "share", "contribution", "distance"] };
const MOST_PINS = 6;

/** A state of which every key is there and every value possible for this document. */
function resolve(doc, given) {
  const state = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) if (given && given[key] !== undefined && given[key] !== null) state[key] = given[key];
  const whole = (value, low, high, other) => (Number.isInteger(value) && value >= low && value <= high ? value : other);
  const real = (value, low, high, other) => (Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : other);
  state.subject = whole(state.subject, 0, doc.subjects.length - 1, 0);
  const subject = doc.subjects[state.subject];
  const row = rowOf(subject, state.target, state.method);
  [state.target, state.method] = [row.target, row.method];
  if (!subject.layers.some((layer) => layer.number === state.layer)) state.layer = subject.layers.at(-1).number;
  const pins = Array.isArray(state.pins) ? state.pins : [];
  state.pins = pins
    .filter((pin) => Array.isArray(pin) && pin.length === 2 && pin.every((v) => Number.isFinite(v) && v >= 0 && v <= 1))
    .slice(0, MOST_PINS).map((pin) => pin.map((v) => Number(v.toFixed(4))));
  state.hops = whole(state.hops, 1, 3, 1);
  state.k = whole(state.k, 0, 32767, 0);
  state.share = real(state.share, 0, 1, 0);
  state.opacity = real(state.opacity, 0, 1, DEFAULTS.opacity);
  for (const key of ["out", "smooth", "grid"]) state[key] = Boolean(state[key]);
  for (const [key, values] of Object.entries(CHOICES)) if (!values.includes(state[key])) state[key] = DEFAULTS[key];
  if (!Object.hasOwn(PALETTES, state.palette)) state.palette = DEFAULTS.palette;
  const wanted = state.with;
  if (wanted && typeof wanted === "object" && doc.subjects[wanted.subject]) {
    const other = rowOf(doc.subjects[wanted.subject], wanted.target, wanted.method);
    state.with = { subject: wanted.subject, target: other.target, method: other.method };
  } else state.with = null;
  return state;
}

/** The row of a subject for a class and method; the nearest there is where that pair is missing. */
function rowOf(subject, target, method) {
  const rows = subject.rows;
  return (
    rows.find((row) => row.target === target && row.method === method) ??
    rows.find((row) => row.target === target) ?? rows.find((row) => row.method === method) ?? rows[0]
  );
}

/** A state as a URL's hash: what differs from the defaults or is named in `always`. "" where nothing does. */
function formatHash(state, always = {}) {
  const words = [];
  const short = (value) => String(Number(value.toFixed(4)));
  for (const [key, value] of Object.entries(state)) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    if (!Object.hasOwn(always, key) && JSON.stringify(value) === JSON.stringify(DEFAULTS[key])) continue;
    let text;
    if (key === "subject") text = String(value + 1);
    else if (key === "pins") text = value.map((pin) => pin.map(short).join(",")).join("~");
    else if (key === "with") text = value ? `${value.subject + 1}.${value.target}.${value.method}` : "";
    else if (typeof value === "boolean") text = value ? "1" : "0";
    else if (typeof value === "number") text = short(value);
    else text = value ?? "";
    words.push(`${key}=${encodeURIComponent(text).replaceAll("%2C", ",")}`);
  }
  return words.length ? `#${words.join("&")}` : "";
}

/** What a URL's hash says of the state; keys and values that mean nothing are left out. */
function parseHash(hash) {
  const given = {};
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    const value = Number(text);
    if (key === "subject") given.subject = value - 1;
    else if (key === "pins") given.pins = text ? text.split("~").map((pin) => pin.split(",").map(Number)) : [];
    else if (key === "with") {
      const [subject, target, ...method] = text.split(".");
      given.with = text ? { subject: Number(subject) - 1, target: Number(target), method: method.join(".") } : null;
    } else if (typeof DEFAULTS[key] === "boolean") given[key] = text === "1";
    else if (["target", "layer"].includes(key) || typeof DEFAULTS[key] === "number") { if (text !== "" && Number.isFinite(value)) given[key] = value; }
    else given[key] = text;
  }
  return given;
}

// ---------------------------------------------------------------------------------------------------- heatmaps

const PALETTES = {
  inferno: "0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d24644e45a31f1731df98e09fcac11f9cb35f2ea69fcffa4",
  viridis: "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
  magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf",
  cividis: "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
  jet: "0000800000c80000ff0040ff0080ff00c0ff16ffe149ffad7dff7ab1ff46e4ff13ffd000ff9400ff5900ff1e00c40000800000",
};
const DIVERGING = "6a4fc48f7fdaaf9fe8d2c8f4f4f2f5ffd9a8ffb55cf78b1edd6408";
const CENTERS = ["#ffd21f", "#6cc4ff", "#3fe0ae", "#ff8fd0", "#ff9d3c", "#c9b6ff"];
const PLAIN_EDGE = "#f4f2f5";

/** [r, g, b] of a palette given as hex digits, at 0..1. */
function colorAt(stops, value) {
  const last = stops.length / 6 - 1;
  const at = Math.min(1, Math.max(0, value)) * last;
  const low = Math.min(last - 1, Math.floor(at));
  const channel = (stop, i) => parseInt(stops.slice(stop * 6 + 2 * i, stop * 6 + 2 * i + 2), 16);
  return [0, 1, 2].map((i) => Math.round(channel(low, i) + (channel(low + 1, i) - channel(low, i)) * (at - low)));
}
const css = ([r, g, b]) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

const tables = new Map();
function tableOf(palette) {
  if (!tables.has(palette)) tables.set(palette, Array.from({ length: 256 }, (_, i) => colorAt(PALETTES[palette], i / 255)));
  return tables.get(palette);
}

const largest = (values) => values.reduce((top, value) => (value > top ? value : top), 0);

/** The raw value at the top of the color scale: the map's own maximum, or that of all layers. */
function topOf(row, layer, scale) {
  return scale === "shared" ? Math.max(...row.layers.map((each) => largest(each.cam))) : largest(row.layers[layer.place].cam);
}

/** One dimension of a cubic enlargement, cut off at the ends of the data so that no value is invented. */
function enlarge(values, rows, cols, factor) {
  const wide = cols * factor, result = new Float32Array(rows * wide);
  const cubic = (t) => { t = Math.abs(t); return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0; };
  for (let c = 0; c < wide; c++) {
    const x = (c + 0.5) / factor - 0.5, base = Math.floor(x);
    for (let tap = base - 1; tap <= base + 2; tap++) {
      const weight = cubic(x - tap), source = Math.min(cols - 1, Math.max(0, tap));
      for (let r = 0; r < rows; r++) result[r * wide + c] += weight * values[r * cols + source];
    }
  }
  return result;
}
function transpose(values, rows, cols) {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = values[r * cols + c];
  return result;
}

/** A map as a small canvas: color by value, opacity rising with it so that the photograph stays visible elsewhere. */
function heatCanvas(cam, [rows, cols], top, palette, smooth) {
  let field = Float32Array.from(cam, (value) => (Number.isFinite(value) && top > 0 ? value / top : 0));
  const factor = smooth ? Math.max(1, Math.ceil(112 / Math.max(rows, cols))) : 1;
  if (factor > 1) {
    field = enlarge(field, rows, cols, factor);
    field = transpose(enlarge(transpose(field, rows, cols * factor), cols * factor, rows, factor), cols * factor, rows * factor);
  }
  const canvas = document.createElement("canvas");
  canvas.width = cols * factor;
  canvas.height = rows * factor;
  const pixels = new ImageData(canvas.width, canvas.height);
  const table = tableOf(palette);
  for (let i = 0; i < field.length; i++) {
    const value = Math.min(1, Math.max(0, field[i]));
    const [r, g, b] = table[Math.round(value * 255)];
    pixels.data.set([r, g, b, Math.round(255 * opacityOf(value))], 4 * i);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}
const opacityOf = (value) => 0.15 + 0.85 * value;

// ---------------------------------------------------------------------------------------------------- scene
// What is drawn above the photograph, as a list of marks in fractions of the network's view and in units `u`
// (1/640 of the shown width). Canvas and SVG paint the same list.

/** Marks of a pane: veil with holes, patches, edges, dots, centers. */
function sceneOf(pane, { mini = false } = {}) {
  const marks = [];
  const { layer, row, actives, edges, hover, lit } = pane;
  const several = actives.length > 1;
  const strongest = edges.reduce((top, edge) => Math.max(top, edge.weight || 0), 1e-9);
  const colorOf = edgeColors(pane, edges, several);
  const cell = 1 / layer.grid[1];
  if (!mini) {
    if (actives.length) {
      const holes = [...actives.map((active) => active.box), ...edges.filter((e) => e.hop === 1).map((e) => (pane.out ? e.toBox : e.fromBox))];
      marks.push({ kind: "veil", holes: unique(holes), alpha: 0.38 });
    }
    for (const edge of edges) {
      if (edge.hop > 1 || edge.itself) continue;
      marks.push({ kind: "box", box: pane.out ? edge.toBox : edge.fromBox, color: colorOf(edge), width: edge === lit ? 3 : 1.4, alpha: 0.95 });
    }
  }
  const order = [...edges].sort((a, b) => b.hop - a.hop || a.weight - b.weight);
  for (const edge of order) {
    if (edge.itself) continue;
    const strength = Math.sqrt((edge.weight || 0) / strongest);
    const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, edge.bend);
    const dim = lit && edge !== lit ? 0.45 : 1;
    marks.push({
      kind: "edge", edge, points: [edge.x0, edge.y0, cx, cy, edge.x1, edge.y1], color: colorOf(edge),
      width: mini ? 8 + 13 * strength : (edge.hop === 1 ? 1.4 + 6.6 * strength : 0.8 + 3.4 * strength) + (edge === lit ? 1.5 : 0),
      alpha: dim * (edge.hop === 1 ? 0.5 + 0.5 * strength : 0.28 + 0.5 * strength), casing: !mini && edge.hop === 1,
    });
  }
  if (!mini) {
    const seen = new Set();
    for (const edge of order) {
      const [x, y] = pane.out ? [edge.x1, edge.y1] : [edge.x0, edge.y0];
      const key = `${x},${y},${edge.hop}`;
      if (edge.itself || seen.has(key)) continue;
      seen.add(key);
      marks.push({ kind: "dot", x, y, radius: edge.hop === 1 ? 3.6 : 2.4, most: cell * 0.3, fill: colorOf(edge), alpha: edge.hop === 1 ? 1 : 0.8 });
    }
  }
  const peak = row.layers[layer.place].peak;
  for (const active of actives) {
    if (edges.some((edge) => edge.itself && edge.hop === 1 && sameBox(edge.toBox, active.box)) && !mini) {
      marks.push({ kind: "ring", x: active.x, y: active.y, radius: 11, color: active.color });
    }
    if (!mini) marks.push({ kind: "box", box: active.box, color: active.color, width: 2.2, alpha: 1 });
    if (active.node !== peak) marks.push({ kind: "dot", x: active.x, y: active.y, radius: mini ? 24 : 5.5, fill: active.color, alpha: 1 });
  }
  if (peak >= 0) {
    const [x, y] = centerOf(boxOf(layer.grid, peak));
    const active = actives.find((each) => each.node === peak);
    marks.push({ kind: "star", x, y, radius: mini ? 44 : active ? 11 : 8, fill: active ? active.color : CENTERS[0] });
  }
  if (!mini && hover && !actives.some((active) => sameBox(active.box, hover))) marks.push({ kind: "box", box: hover, color: "#ffffff", width: 2, alpha: 1 });
  return marks;
}

const sameBox = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 1e-6);
const holds = (a, b) => a[0] <= b[0] + 1e-6 && a[1] <= b[1] + 1e-6 && a[2] >= b[2] - 1e-6 && a[3] >= b[3] - 1e-6;

/** Each box once, and none that lies within another (holes of a veil must not overlap). */
function unique(boxes) {
  const once = [...new Map(boxes.map((box) => [box.join(), box])).values()];
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  const least = Math.min(...once.map(area));
  const large = once.filter((box) => area(box) > 1.5 * least);
  return once.filter((box) => !large.some((other) => other !== box && holds(other, box)));
}

/** How edges are colored: by contribution around 0, by share, or by the center they belong to. */
function edgeColors(pane, edges, several) {
  const by = pane.color === "auto" ? (several ? "center" : "contribution") : pane.color;
  if (by === "center") return (edge) => CENTERS[edge.center % CENTERS.length];
  if (by === "share") return (edge) => (known(edge.share) ? css(colorAt(PALETTES.cividis, 0.35 + 0.65 * edge.share)) : PLAIN_EDGE);
  const top = contributionTop(edges);
  return (edge) => (known(edge.contribution) ? css(colorAt(DIVERGING, 0.5 + (0.5 * edge.contribution) / top)) : PLAIN_EDGE);
}
/** Where the color scale of contributions ends; further hops, of layers with gradients of their own, are cut off there. */
const contributionTop = (edges) => edges.reduce((top, edge) => (edge.hop > 1 ? top : Math.max(top, Math.abs(edge.contribution) || 0)), 0) || 1;

// ---------------------------------------------------------------------------------------------------- painters

/** Outline of an edge that narrows from its start to its end, in output pixels. */
function ribbon([x0, y0, cx, cy, x1, y1], wide, narrow) {
  const steps = 14, left = [], right = [];
  for (let i = 0; i <= steps; i++) {
    const t = i / steps, s = 1 - t;
    const x = s * s * x0 + 2 * s * t * cx + t * t * x1, y = s * s * y0 + 2 * s * t * cy + t * t * y1;
    let dx = s * (cx - x0) + t * (x1 - cx), dy = s * (cy - y0) + t * (y1 - cy);
    const length = Math.hypot(dx, dy) || 1;
    const half = (wide + (narrow - wide) * t) / 2;
    dx *= half / length; dy *= half / length;
    left.push([x - dy, y + dx]);
    right.push([x + dy, y - dx]);
  }
  return [...left, ...right.reverse()];
}

function starPoints(x, y, radius) {
  return Array.from({ length: 10 }, (_, i) => {
    const r = i % 2 ? radius * 0.45 : radius, angle = -Math.PI / 2 + (i * Math.PI) / 5;
    return [x + r * Math.cos(angle), y + r * Math.sin(angle)];
  });
}

/** Shapes in output pixels, the same for every painter: polygons, circles, boxes, each with fill and stroke. */
function shapesOf(marks, frame) {
  const { left, top, width, height, unit: u } = frame;
  const X = (x) => left + x * width, Y = (y) => top + y * height;
  const rect = (box) => [X(box[0]), Y(box[1]), X(box[2]) - X(box[0]), Y(box[3]) - Y(box[1])];
  const shapes = [];
  for (const mark of marks) {
    if (mark.kind === "veil") shapes.push({ type: "veil", outer: [left, top, width, height], holes: mark.holes.map(rect), fill: "#07080c", alpha: mark.alpha });
    else if (mark.kind === "box") {
      const [x, y, w, h] = rect(mark.box);
      shapes.push({ type: "rect", x, y, w, h, stroke: "#07080c", width: (mark.width + 1.6) * u, alpha: 0.55 * mark.alpha });
      shapes.push({ type: "rect", x, y, w, h, stroke: mark.color, width: mark.width * u, alpha: mark.alpha });
    } else if (mark.kind === "edge") {
      const points = mark.points.map((value, i) => (i % 2 ? Y(value) : X(value)));
      if (mark.casing) shapes.push({ type: "polygon", points: ribbon(points, (mark.width + 2) * u, (mark.width * 0.45 + 2) * u), fill: "#07080c", alpha: 0.55 * mark.alpha });
      shapes.push({ type: "polygon", points: ribbon(points, mark.width * u, mark.width * 0.45 * u), fill: mark.color, alpha: mark.alpha, edge: mark.edge });
    } else if (mark.kind === "dot") {
      const r = Math.min(mark.radius * u, mark.most ? mark.most * width : Infinity);
      shapes.push({ type: "circle", x: X(mark.x), y: Y(mark.y), r, fill: mark.fill, stroke: "#07080c", width: Math.min(1.2 * u, r / 2), alpha: mark.alpha });
    } else if (mark.kind === "ring") {
      shapes.push({ type: "circle", x: X(mark.x), y: Y(mark.y), r: mark.radius * u, stroke: "#07080c", width: 4 * u, alpha: 0.6 });
      shapes.push({ type: "circle", x: X(mark.x), y: Y(mark.y), r: mark.radius * u, stroke: mark.color, width: 2 * u, alpha: 1 });
    } else if (mark.kind === "star") {
      shapes.push({ type: "polygon", points: starPoints(X(mark.x), Y(mark.y), mark.radius * u), fill: mark.fill, stroke: "#07080c", width: 1.4 * u, alpha: 1 });
    }
  }
  return shapes;
}

function paintShapes(context, shapes) {
  for (const shape of shapes) {
    context.globalAlpha = shape.alpha;
    context.beginPath();
    if (shape.type === "veil") {
      context.rect(...shape.outer);
      for (const hole of shape.holes) context.rect(...hole);
      context.fillStyle = shape.fill;
      context.fill("evenodd");
      continue;
    }
    if (shape.type === "rect") context.rect(shape.x, shape.y, shape.w, shape.h);
    else if (shape.type === "circle") context.arc(shape.x, shape.y, shape.r, 0, 2 * Math.PI);
    else {
      shape.points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
    }
    if (shape.fill) { context.fillStyle = shape.fill; context.fill(); }
    if (shape.stroke) { context.strokeStyle = shape.stroke; context.lineWidth = shape.width; context.stroke(); }
  }
  context.globalAlpha = 1;
}

const SVG = "http://www.w3.org/2000/svg";
function svgNode(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, typeof value === "number" ? String(Number(value.toFixed(3))) : value);
  node.append(...children);
  return node;
}

function svgShapes(shapes) {
  const round = (value) => Number(value.toFixed(2));
  return shapes.map((shape) => {
    const look = { fill: shape.fill ?? "none", opacity: shape.alpha };
    if (shape.stroke) Object.assign(look, { stroke: shape.stroke, "stroke-width": shape.width });
    if (shape.type === "veil") {
      const path = ([x, y, w, h]) => `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}z`;
      return svgNode("path", { ...look, "fill-rule": "evenodd", d: [shape.outer, ...shape.holes].map(path).join("") });
    }
    if (shape.type === "rect") return svgNode("rect", { ...look, x: shape.x, y: shape.y, width: shape.w, height: shape.h });
    if (shape.type === "circle") return svgNode("circle", { ...look, cx: shape.x, cy: shape.y, r: shape.r });
    const node = svgNode("path", { ...look, d: `M${shape.points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}Z` });
    if (shape.edge) {
      const { edge } = shape;
      for (const key of ["layer", "from", "to", "rank", "hop"]) node.setAttribute(`data-${key}`, String(edge[key]));
      node.append(svgNode("title", {}, edgeWords(edge)));
    }
    return node;
  });
}

// ---------------------------------------------------------------------------------------------------- theme

const opaque = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Relative lightness 0..1 of a CSS color, null where one sees through it. */
function lightness(color) {
  opaque.canvas.width = opaque.canvas.height = 1;
  opaque.fillStyle = color;
  opaque.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = opaque.getImageData(0, 0, 1, 1).data;
  return a < 128 ? null : (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}

/** "light" or "dark": what notebooks say of their theme, else the color that lies behind, through shadow roots. */
function schemeBehind(node) {
  const { body, documentElement: html } = document;
  const said = body?.dataset.vscodeThemeKind ?? html.getAttribute("theme") ?? "";
  if (body?.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false" ? "dark" : "light";
  if (said) return said.includes("light") || !/dark|contrast/.test(said) ? "light" : "dark";
  for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
    const seen = lightness(getComputedStyle(at).backgroundColor);
    if (seen !== null) return seen < 0.5 ? "dark" : "light";
  }
  const wanted = getComputedStyle(html).colorScheme;
  if (!wanted.includes("dark")) return "light";
  return wanted.includes("light") && !matchMedia("(prefers-color-scheme: dark)").matches ? "light" : "dark";
}

// ---------------------------------------------------------------------------------------------------- explorer

const place = (box, [rows, cols]) => `row ${Math.floor(((box[1] + box[3]) / 2) * rows) + 1}, column ${Math.floor(((box[0] + box[2]) / 2) * cols) + 1}`;

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** One edge as a sentence. */
function edgeWords(edge) {
  return `layer ${edge.layer}: key node ${edge.from} to node ${edge.to}, rank ${edge.rank}, share ${percent(edge.share)}, contribution ${number(edge.contribution, true)}`;
}

/** A word of a shell command, quoted where a shell would read it otherwise. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const KEYS = [
  ["arrows", "move over the patches"], ["Home End", "ends of a row"], ["Enter", "keep a patch; with Shift add it"], ["Esc", "let all go"],
  ["[ ]", "layer before, after"], ["1 2 3", "hops"], ["o", "whom it asks / who asks it"], ["c", "next class"], ["p", "play through the layers"],
];
const MEANINGS = {
  rank: "place among the neighbors, nearest in features first; 0 is the nearest",
  share: "part of the patch's channels in which this neighbor has the largest message and wins",
  contribution: "what the channels it won add to the class's score, to first order: + for the class, \u2212 against it",
  distance: "how far away it lies, in patches",
};
const WORDS = [
  ["map", "where evidence for the class was read off in this layer"], ["peak", "the patch with the map's highest value, a star"],
  ["asks", "in every layer a patch takes up messages from the patches most like it, its neighbors"],
  ["edge", "from a neighbor, wide, to the patch that asked it, narrow; a ring is an edge to itself"], ...Object.entries(MEANINGS),
  ["hop", "whom the neighbors had asked one layer earlier"],
];

let explorers = 0;

/**
 * Build an explorer inside `el`.
 *
 * @param {HTMLElement} el where.
 * @param {object} source the document, as `viz_nodes.explorer.document` makes it.
 * @param {object} given the state to begin with; keys that are absent have their default.
 * @param {(state: object) => void} onState called with a copy of the state after each change made here.
 * @param {?(state: object) => string} address gives the link that opens a state, where the host has such links.
 * @returns {object} the api, also found as `explorer` on the root element: `ready` (a promise: photographs are there),
 *   `state`, `update(partial)`, `hover(x, y)`, `edges(pane)`, `text(pane)`, `svg(scale)`, `png(scale)`, `command()`,
 *   `flush()` (draw at once what waits for the next frame), `destroy()`.
 */
export function mount(el, source, given = {}, onState = () => {}, address = null) {
  const doc = opened(source);
  const uid = `vge${++explorers}`;
  const stop = new AbortController();
  const { signal } = stop;
  let state = resolve(doc, given);
  let hovered = null; // [x, y] under the pointer or the keyboard's cursor
  let cursor = null; // [x, y] of the keyboard
  let lit = null; // [pane, edge] whose row or patch is pointed at
  let adding = false; // whether a click adds a patch, as with Shift
  let pending = new Set(), frame = 0, timer = 0, spoken = "", saying = 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const touch = matchMedia("(hover: none)");

  // ------------------------------------------------------------------ elements

  function h(tag, { on = {}, data = {}, ...properties } = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (value === false || value === null || value === undefined) continue;
      if (key === "class") node.className = value;
      else if (key in node && !key.includes("-") && key !== "list") node[key] = value;
      else node.setAttribute(key, value === true ? "" : String(value));
    }
    for (const [key, value] of Object.entries(data)) node.dataset[key] = value;
    for (const [key, callback] of Object.entries(on)) node.addEventListener(key, callback, { signal });
    node.append(...children.filter((child) => child !== null));
    return node;
  }
  const icon = (path) => {
    const node = svgNode("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svgNode("path", { d: path }));
    node.classList.add("vge-icon");
    return node;
  };
  const option = (value, text) => h("option", { value, textContent: text });

  const photographs = doc.images.map((image) => Object.assign(new Image(), { src: image.source, alt: "" }));
  const heats = new Map();
  function heatOf(row, layer, rowKey) {
    const key = [rowKey, layer.place, state.palette, state.scale, state.smooth].join();
    if (!heats.has(key)) {
      if (heats.size > 160) heats.clear();
      heats.set(key, heatCanvas(row.layers[layer.place].cam, layer.grid, topOf(row, layer, state.scale), state.palette, state.smooth));
    }
    return heats.get(key);
  }

  const root = h("section", { class: "vge", "aria-label": `Explorer: ${doc.title}` });
  const title = h("h2", { class: "vge-title" });
  const facts = h("p", { class: "vge-facts" });
  const subjectPicker = picker("Image and model", (value) => update({ subject: Number(value), with: null }));
  const withPicker = picker("Compare with", (value) => update({ with: value === "" ? null : pairs[Number(value)] }));
  const classes = h("div", { class: "vge-classes", role: "radiogroup", "aria-label": "Class explained" });
  const pairs = doc.subjects.flatMap((subject, s) => subject.rows.map((row) => ({ subject: s, target: row.target, method: row.method })));

  function picker(label, change) {
    const select = h("select", { on: { change: () => change(select.value) } });
    const wrap = h("label", { class: "vge-picker" }, h("span", { textContent: label }), select);
    return { wrap, select };
  }

  const panes = [makePane(0), makePane(1)];
  const paneRow = h("div", { class: "vge-panes" }, ...panes.map((pane) => pane.figure));
  const legend = h("p", { class: "vge-legend" });
  const hint = makeHint();
  const panel = h("div", { class: "vge-panel-inner", tabIndex: 0, role: "region", "aria-label": "The patch and its neighbors" });
  const play = h("button", { type: "button", class: "vge-play", on: { click: () => (timer ? halt() : start()) } });
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Layer", on: { input: () => update({ layer: panes[0].view.subject.layers[Number(slider.value)].number }) } });
  const strip = h("div", { class: "vge-strip", role: "radiogroup", "aria-label": "Layers" });
  const live = h("div", { class: "vge-hidden", role: "status", "aria-live": "polite" });
  const controls = makeControls();
  roving(classes);
  roving(strip);
  root.append(
    h("header", { class: "vge-head" }, h("div", { class: "vge-names" }, title, facts), h("div", { class: "vge-pickers" }, subjectPicker.wrap, withPicker.wrap)),
    classes, controls.tools, hint.wrap,
    h("div", { class: "vge-body" }, h("div", { class: "vge-left" }, paneRow, legend),
      h("div", { class: "vge-layers" }, play, h("div", { class: "vge-track" }, slider, strip)), h("div", { class: "vge-panel" }, panel)),
    controls.wrap, live,
  );
  el.append(root);

  /** What to do next, in one line, and for hands without a Shift or Escape key the two deeds that need one. */
  function makeHint() {
    const words = h("p", { class: "vge-note" });
    const add = h("button", { type: "button", textContent: "Add another", on: { click: () => { adding = !adding; later("words"); } } });
    const release = h("button", { type: "button", textContent: "Let go", on: { click: () => update({ pins: [] }) } });
    return { wrap: h("div", { class: "vge-hint" }, words, add, release), words, add, release };
  }

  function legendBar(name) {
    const low = h("span"), high = h("span"), bar = h("span", { class: "vge-bar" });
    const label = h("span", { textContent: name });
    return { wrap: h("span", { class: "vge-legend-item" }, label, low, bar, high), low, high, bar, label };
  }

  function makePane(which) {
    const base = h("canvas", { class: "vge-base", "aria-hidden": "true" });
    const over = h("canvas", { class: "vge-over", "aria-hidden": "true" });
    const cell = h("div", { role: "gridcell", id: `${uid}-cell-${which}` });
    const line = h("div", { role: "row" }, cell);
    const grid = h("div", {
      class: "vge-grid", role: "grid", tabIndex: 0, "aria-label": "Patches. Arrow keys move, Enter keeps a patch, Shift and Enter adds one.",
      "aria-activedescendant": cell.id,
      on: {
        pointermove: (event) => point(which, event),
        pointerleave: (event) => { if (event.pointerType !== "touch") { hovered = null; lit = null; later("over", "panel"); } },
        click: (event) => { point(which, event); pin(hovered, adding || event.shiftKey || event.ctrlKey || event.metaKey); },
        keydown: (event) => walk(which, event),
        blur: () => { if (cursor) { cursor = hovered = null; later("over", "panel"); } },
      },
    }, line);
    const stage = h("div", { class: "vge-stage" }, base, over, grid);
    const caption = h("figcaption", { class: "vge-caption" });
    const name = h("div", { class: "vge-pane-name" });
    const bars = { cam: legendBar("map"), edge: legendBar("contribution") };
    const scales = h("div", { class: "vge-legend", "aria-hidden": "true" }, bars.cam.wrap, bars.edge.wrap);
    return { which, base, over, grid, line, cell, stage, caption, name, bars, figure: h("figure", { class: "vge-pane" }, name, stage, caption, scales), view: null };
  }

  function segmented(label, choices, key) {
    const group = h("div", { class: "vge-segments", role: "radiogroup", "aria-label": label });
    const buttons = choices.map(([value, text]) =>
      h("button", { type: "button", role: "radio", textContent: text, data: { value: String(value) }, on: { click: () => update({ [key]: value }) } }));
    group.append(...buttons);
    roving(group);
    return { wrap: h("div", { class: "vge-control" }, h("span", { class: "vge-label", textContent: label }), group), show: (value) => buttons.forEach((b, i) => mark(b, choices[i][0] === value)), buttons };
  }
  function range(label, properties, input) {
    const field = h("input", { type: "range", ...properties, on: { input: () => input(Number(field.value)) } });
    const value = h("span", { class: "vge-value" });
    return { wrap: h("label", { class: "vge-control" }, h("span", { class: "vge-label" }, `${label} `, value), field), field, value };
  }
  function toggle(label, key) {
    const field = h("input", { type: "checkbox", on: { change: () => update({ [key]: field.checked }) } });
    return { wrap: h("label", { class: "vge-check" }, field, h("span", { textContent: label })), field };
  }
  function choice(label, entries, change) {
    const select = h("select", { on: { change: () => change(select.value) } }, ...entries.map(([value, text]) => option(value, text)));
    return { wrap: h("label", { class: "vge-control" }, h("span", { class: "vge-label", textContent: label }), select), select };
  }
  function mark(button, on) {
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  /** Arrow keys move among the radio buttons of a group. */
  function roving(group) {
    group.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const all = [...group.querySelectorAll("[role=radio]:not(:disabled)")];
      const at = all.indexOf(event.target);
      if (!step || at < 0) return;
      event.preventDefault();
      event.stopPropagation();
      const next = all[(at + step + all.length) % all.length];
      next.click();
      next.focus();
    }, { signal });
  }

  function makeControls() {
    const direction = segmented("Edges", [[false, "whom it asks"], [true, "who asks it"]], "out");
    const hops = segmented("Hops", [[1, "1"], [2, "2"], [3, "3"]], "hops");
    const k = range("Neighbors", { min: 1, step: 1 }, (value) => update({ k: value >= Number(k.field.max) ? 0 : value }));
    const share = range("Share at least", { min: 0, max: 50, step: 1 }, (value) => update({ share: value / 100 }));
    const color = choice("Edge color", [["auto", "automatic"], ["contribution", "contribution"], ["share", "share"], ["center", "center"]], (value) => update({ color: value }));
    const opacity = range("Map opacity", { min: 0, max: 100, step: 5 }, (value) => update({ opacity: value / 100 }));
    const method = choice("Method", [], (value) => update({ method: value }));
    const palette = choice("Palette", Object.keys(PALETTES).map((name) => [name, name]), (value) => update({ palette: value }));
    const scale = segmented("Top of the map's scale", [["layer", "this layer"], ["shared", "all layers"]], "scale");
    const smooth = toggle("smooth", "smooth"), grid = toggle("patch grid", "grid");
    const size = h("input", { type: "number", min: 0.5, max: 10, step: 0.5, value: "2", on: { input: () => later("words") } });
    const pixels = h("span", { class: "vge-note" });
    const scaleOf = () => Math.min(10, Math.max(0.5, Number(size.value) || 2));
    const said = h("p", { class: "vge-note", role: "status" });
    const line = h("input", { type: "text", readOnly: true, class: "vge-command", "aria-label": "Command line that renders this view", on: { focus: () => line.select() } });
    const save = (kind) => async () => {
      const blob = kind === "svg" ? new Blob([svg(scaleOf())], { type: "image/svg+xml" }) : await png(scaleOf());
      const url = URL.createObjectURL(blob);
      const link = h("a", { href: url, download: `${fileName()}.${kind}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
      said.textContent = `${kind.toUpperCase()} handed to the browser's downloads.`;
    };
    const copy = (what, text) => async () => {
      const words = text();
      try { await navigator.clipboard.writeText(words); said.textContent = `${what} copied.`; }
      catch {
        line.value = words;
        line.select();
        said.textContent = document.execCommand?.("copy") ? `${what} copied.` : `${what} is selected above: copy it.`;
      }
    };
    const button = (text, click) => h("button", { type: "button", textContent: text, on: { click } });
    const link = address ? button("Copy link", copy("Link", () => address(state))) : null;
    const tools = h("div", { class: "vge-tools" }, direction.wrap, hops.wrap, k.wrap, share.wrap, opacity.wrap);
    const wrap = h("div", { class: "vge-controls" },
      h("div", { class: "vge-side" }, h("fieldset", {}, h("legend", { textContent: "Look" }),
        h("div", { class: "vge-looks" }, method.wrap, palette.wrap, color.wrap, scale.wrap, h("div", { class: "vge-checks" }, smooth.wrap, grid.wrap))),
      h("fieldset", {}, h("legend", { textContent: "Help" }),
        h("details", {}, h("summary", { textContent: "Words" }), definitions(WORDS)),
        h("details", {}, h("summary", { textContent: "Keys" }), definitions(KEYS)))),
      h("fieldset", {}, h("legend", { textContent: "Take it with you" }),
        h("div", { class: "vge-row" }, button("Save SVG", save("svg")), button("Save PNG", save("png")), h("label", { class: "vge-inline" }, h("span", { textContent: "scale" }), size), pixels),
        h("div", { class: "vge-row" }, button("Copy as command line", copy("Command line", command)), link), line, said),
    );
    return { wrap, tools, direction, hops, k, share, color, opacity, method, palette, scale, smooth, grid, line, pixels, scaleOf };
  }
  function definitions(entries) {
    return h("dl", { class: "vge-definitions" }, ...entries.flatMap(([word, text]) => [h("dt", { textContent: word }), h("dd", { textContent: text })]));
  }

  // ------------------------------------------------------------------ what is looked at

  /** Subject, row and layer of a pane; null for a second pane that is not asked for. */
  function viewOf(which) {
    if (which === 1 && !state.with) return null;
    const s = which === 0 ? state.subject : state.with.subject;
    const subject = doc.subjects[s];
    const row = which === 0 ? rowOf(subject, state.target, state.method) : rowOf(subject, state.with.target, state.with.method);
    const main = doc.subjects[state.subject];
    let layer = subject.layers.find((each) => each.number === state.layer);
    if (which === 1 && (subject.depth !== main.depth || !layer)) {
      const far = (number, depth) => (depth > 1 ? (number - 1) / (depth - 1) : 1);
      const goal = far(state.layer, main.depth);
      layer = subject.layers.reduce((best, each) => (Math.abs(far(each.number, subject.depth) - goal) < Math.abs(far(best.number, subject.depth) - goal) ? each : best));
    }
    return { subject, row, layer, image: doc.images[subject.image], photograph: photographs[subject.image], rowKey: `${s}.${subject.rows.indexOf(row)}`, out: state.out, color: state.color };
  }

  /** Centers whose edges are drawn: what is pinned, else what is pointed at, else the peak. */
  function activesOf(view, layer = view.layer) {
    const peak = view.row.layers[layer.place].peak;
    let places = state.pins;
    if (!places.length && hovered) places = [hovered];
    if (!places.length && peak >= 0) places = [centerOf(boxOf(layer.grid, peak))];
    return places.map((at, i) => {
      const node = nodeAt(layer.grid, ...at);
      let box = boxOf(layer.grid, node);
      const [x, y] = centerOf(box);
      if (view.out) box = boxOf(layer.key_grid, nodeAt(layer.key_grid, x, y));
      return { node, box, x, y, color: CENTERS[i % CENTERS.length] };
    });
  }
  function edgesFor(view, layer, actives, hops = state.hops) {
    const edges = actives.flatMap((active, center) =>
      edgesOf(view.subject, view.row, layer, active.node, { hops, k: state.k, share: state.share, out: view.out }).map((edge) => ({ ...edge, center })));
    fan(edges);
    return edges;
  }
  function refresh(which) {
    const pane = panes[which], view = viewOf(which);
    pane.view = view;
    pane.figure.hidden = !view;
    if (!view) return;
    view.actives = activesOf(view);
    view.edges = edgesFor(view, view.layer, view.actives);
    const pointed = hovered ? (view.out ? boxOf(view.layer.grid, nodeAt(view.layer.grid, ...hovered)) : boxOf(view.layer.key_grid, nodeAt(view.layer.key_grid, ...hovered))) : null;
    view.hover = hovered ? boxOf(view.layer.grid, nodeAt(view.layer.grid, ...hovered)) : null;
    view.lit = null;
    if (lit && lit[0] === which) view.lit = view.edges.find((edge) => edge.hop === 1 && edge.from === lit[1].from && edge.to === lit[1].to) ?? null;
    else if (pointed && state.pins.length) view.lit = view.edges.find((edge) => edge.hop === 1 && !edge.itself && sameBox(view.out ? edge.toBox : edge.fromBox, pointed)) ?? null;
  }

  // ------------------------------------------------------------------ changes

  function update(partial, { quiet = false } = {}) {
    const before = state;
    state = resolve(doc, { ...state, ...partial });
    if (partial.pins || partial.layer || partial.subject) lit = null;
    if (before.layer !== state.layer) fade();
    later("all");
    if (!quiet) onState(structuredClone(state));
  }
  function later(...parts) {
    for (const part of parts) pending.add(part);
    if (!frame) frame = requestAnimationFrame(flush);
  }
  function flush() {
    cancelAnimationFrame(frame);
    frame = 0;
    if (signal.aborted || !pending.size) return;
    const parts = pending;
    pending = new Set();
    const all = parts.has("all");
    for (const pane of panes) refresh(pane.which);
    if (all) { drawFrame(); layout(); }
    for (const pane of panes) {
      if (!pane.view) continue;
      if (all || parts.has("base")) drawBase(pane);
      drawOver(pane);
    }
    if (all || parts.has("strip")) drawStripBases();
    drawStripEdges();
    if (all || parts.has("panel")) drawPanel();
    drawWords();
  }

  function point(which, event) {
    const box = panes[which].grid.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (!at.every((v) => v >= 0 && v <= 1)) return;
    const { grid } = panes[which].view.layer;
    const node = nodeAt(grid, ...at);
    if (hovered && !cursor && node === nodeAt(grid, ...hovered)) return;
    hovered = centerOf(boxOf(grid, node));
    cursor = null;
    lit = null;
    later("over", "panel");
  }
  function pin(at, add) {
    if (!at) return;
    const { grid } = panes[0].view.layer;
    const node = nodeAt(grid, ...at);
    const same = (other) => nodeAt(grid, ...other) === node;
    const had = state.pins.some(same);
    if (add) update({ pins: had ? state.pins.filter((each) => !same(each)) : [...state.pins, at].slice(-MOST_PINS) });
    else update({ pins: had && state.pins.length === 1 ? [] : [at] });
  }
  function walk(which, event) {
    const { layer, row } = panes[which].view;
    const [rows, cols] = layer.grid;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -cols], End: [0, cols] }[event.key];
    if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const peak = row.layers[layer.place].peak;
      const from = hovered ? nodeAt(layer.grid, ...hovered) : state.pins.length ? nodeAt(layer.grid, ...state.pins[0]) : Math.max(0, peak);
      const clip = (value, top) => Math.min(top - 1, Math.max(0, value));
      const r = clip(Math.floor(from / cols) + step[0], rows), c = clip((from % cols) + step[1], cols);
      hovered = cursor = centerOf(boxOf(layer.grid, r * cols + c));
      lit = null;
      later("over", "panel");
    } else if (event.key === "Enter" || event.key === " ") {
      const [first] = panes[which].view.actives;
      pin(hovered ?? (first ? [first.x, first.y] : null), adding || event.shiftKey);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  function stepLayer(step) {
    const { layers } = panes[0].view.subject;
    const at = layers.findIndex((layer) => layer.number === state.layer);
    update({ layer: layers[Math.min(layers.length - 1, Math.max(0, at + step))].number });
  }
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea")) return;
    const { subject, row } = panes[0].view;
    const deeds = {
      "[": () => stepLayer(-1), "]": () => stepLayer(1), PageUp: () => stepLayer(-1), PageDown: () => stepLayer(1),
      1: () => update({ hops: 1 }), 2: () => update({ hops: 2 }), 3: () => update({ hops: 3 }),
      o: () => update({ out: !state.out }), p: () => (timer ? halt() : start()),
      c: () => {
        const same = subject.rows.filter((each) => each.method === row.method);
        update({ target: same[(same.indexOf(row) + 1) % same.length].target });
      },
      Escape: () => { hovered = cursor = lit = null; update({ pins: [] }); },
    };
    if (!Object.hasOwn(deeds, event.key)) return;
    deeds[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }, { signal });

  /** JupyterLab's single-key shortcuts keep out while the focus is here; those with Control or Command stay its own. */
  const guard = (on) => (on ? root.setAttribute("data-lm-suppress-shortcuts", "true") : root.removeAttribute("data-lm-suppress-shortcuts"));
  const opens = (event) => ["Control", "Meta"].includes(event.key);
  root.addEventListener("keydown", (event) => { if (opens(event)) guard(false); }, { signal });
  root.addEventListener("keyup", (event) => { if (opens(event)) guard(true); }, { signal });
  root.addEventListener("focusout", () => guard(true), { signal });
  guard(true);

  function start() {
    const { layers } = panes[0].view.subject;
    if (layers.length < 2) return;
    if (state.layer === layers.at(-1).number) update({ layer: layers[0].number });
    timer = setInterval(() => {
      const { layers: now } = panes[0].view.subject;
      const at = now.findIndex((layer) => layer.number === state.layer);
      update({ layer: now[(at + 1) % now.length].number });
    }, still.matches ? 1800 : 1000);
    later("words");
  }
  function halt() {
    clearInterval(timer);
    timer = 0;
    later("words");
  }

  /** Let the map of the layer left behind melt into the new one. */
  function fade() {
    if (still.matches || document.hidden) return;
    for (const pane of panes) {
      if (!pane.view || !pane.base.width) continue;
      const copy = document.createElement("canvas");
      copy.width = pane.base.width;
      copy.height = pane.base.height;
      copy.getContext("2d").drawImage(pane.base, 0, 0);
      pane.fading = { copy, since: performance.now() };
    }
  }

  // ------------------------------------------------------------------ drawing

  /** Where the network's view lies in a picture shown `width` wide. */
  function frameOf(view, width) {
    const { image } = view, scale = width / image.width, [left, top, right, bottom] = image.view;
    return { left: left * scale, top: top * scale, width: (right - left) * scale, height: (bottom - top) * scale, unit: width / 640, scale };
  }

  function layout() {
    const two = Boolean(state.with);
    root.dataset.panes = two ? "2" : "1";
    for (const pane of panes) {
      if (!pane.view) continue;
      const { image } = pane.view;
      pane.stage.style.aspectRatio = `${image.width} / ${image.height}`;
      const [left, top, right, bottom] = image.view;
      const share = (value, whole) => `${(100 * value) / whole}%`;
      Object.assign(pane.grid.style, { left: share(left, image.width), top: share(top, image.height), width: share(right - left, image.width), height: share(bottom - top, image.height) });
    }
    const first = panes[0].view.image;
    root.style.setProperty("--vge-aspect", String((first.width / first.height) * (two ? 2 : 1)));
  }

  /** Follow the host's theme, which need not be what the system prefers. */
  function dress() {
    const scheme = schemeBehind(el);
    if (root.style.colorScheme !== scheme) root.style.colorScheme = scheme;
  }

  function sized(canvas, stage) {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(stage.clientWidth * ratio)), height = Math.max(1, Math.round(stage.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  /** Photograph, map and patch grid into `context`, `width` wide. */
  function paintBase(context, view, width, { lines = state.grid, opacity = state.opacity } = {}) {
    const { image, photograph, layer } = view;
    const box = frameOf(view, width), height = image.height * box.scale;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    if (photograph.complete && photograph.naturalWidth) context.drawImage(photograph, 0, 0, width, height);
    const outside = box.left > 0.5 || box.top > 0.5 || box.left + box.width < width - 0.5 || box.top + box.height < height - 0.5;
    if (outside) {
      context.fillStyle = "rgba(7, 8, 12, 0.6)";
      context.beginPath();
      context.rect(0, 0, width, height);
      context.rect(box.left, box.top, box.width, box.height);
      context.fill("evenodd");
    }
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = state.smooth;
    if (opacity > 0) context.drawImage(heatOf(view.row, layer, view.rowKey), box.left, box.top, box.width, box.height);
    context.globalAlpha = 1;
    if (lines) {
      context.beginPath();
      const [rows, cols] = layer.grid;
      for (let c = 0; c <= cols; c++) { context.moveTo(box.left + (c * box.width) / cols, box.top); context.lineTo(box.left + (c * box.width) / cols, box.top + box.height); }
      for (let r = 0; r <= rows; r++) { context.moveTo(box.left, box.top + (r * box.height) / rows); context.lineTo(box.left + box.width, box.top + (r * box.height) / rows); }
      context.strokeStyle = `rgba(255, 255, 255, ${cols > 28 ? 0.1 : 0.2})`;
      context.lineWidth = Math.max(0.5, 0.8 * box.unit);
      context.stroke();
    }
  }

  function drawBase(pane) {
    const context = sized(pane.base, pane.stage);
    paintBase(context, pane.view, pane.base.width);
    if (pane.fading) {
      const done = (performance.now() - pane.fading.since) / 260;
      if (done >= 1 || pane.fading.copy.width !== pane.base.width) pane.fading = null;
      else {
        context.globalAlpha = 1 - done;
        context.drawImage(pane.fading.copy, 0, 0);
        context.globalAlpha = 1;
        later("base");
      }
    }
  }
  function drawOver(pane) {
    const context = sized(pane.over, pane.stage);
    paintShapes(context, shapesOf(sceneOf(pane.view), frameOf(pane.view, pane.over.width)));
  }

  const minis = [];
  function drawStripBases() {
    const view = panes[0].view, { layers } = view.subject;
    while (minis.length > layers.length) minis.pop().button.remove();
    while (minis.length < layers.length) {
      const at = minis.length;
      const base = h("canvas"), over = h("canvas"), label = h("span", { class: "vge-mini-number" });
      const face = h("span", { class: "vge-mini-face" }, base, over);
      const button = h("button", { type: "button", role: "radio", class: "vge-mini", on: { click: () => update({ layer: panes[0].view.subject.layers[at].number }) } }, face, label);
      minis.push({ base, over, label, face, button });
      strip.append(button);
    }
    layers.forEach((layer, i) => {
      const mini = minis[i];
      mini.label.textContent = String(layer.number);
      mini.face.style.aspectRatio = `${view.image.width} / ${view.image.height}`;
      mark(mini.button, layer.number === state.layer);
      mini.button.setAttribute("aria-label", `Layer ${layer.number} of ${view.subject.depth}, ${layer.grid[0]} by ${layer.grid[1]} patches, ${layer.k} neighbors`);
      if (layer.number === state.layer) strip.scrollLeft = mini.button.offsetLeft - strip.offsetLeft - (strip.clientWidth - mini.button.offsetWidth) / 2;
      const context = sized(mini.base, mini.face);
      paintBase(context, { ...view, layer }, mini.base.width, { lines: false, opacity: Math.max(0.5, state.opacity) });
    });
  }
  function drawStripEdges() {
    const view = panes[0].view;
    view.subject.layers.forEach((layer, i) => {
      const mini = minis[i];
      if (!mini) return;
      const small = { ...view, layer, actives: activesOf(view, layer), hover: null, lit: null };
      small.edges = edgesFor(small, layer, small.actives, 1);
      const context = sized(mini.over, mini.face);
      paintShapes(context, shapesOf(sceneOf(small, { mini: true }), frameOf(view, mini.over.width)));
    });
  }

  // ------------------------------------------------------------------ the panel

  const columns = [["rank", "rank"], ["share", "share"], ["contribution", "contribution"], ["distance", "distance"]];
  const sections = [];
  function makeSection() {
    const swatch = h("span", { class: "vge-swatch" }), name = h("h3"), facts = h("p"), body = h("tbody");
    const heads = columns.map(([key, text]) =>
      h("th", { scope: "col", title: MEANINGS[key] }, h("button", { type: "button", textContent: text, on: { click: () => update({ sort: key }) } })));
    const table = h("table", { class: "vge-table" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "vge-hidden", textContent: "patch" })), ...heads)), body);
    const more = h("p", { class: "vge-note" });
    const section = { wrap: h("section", { class: "vge-section" }, h("div", { class: "vge-center" }, swatch, h("div", {}, name, facts)), table, more), swatch, name, facts, body, heads, more, rows: [] };
    panel.append(section.wrap);
    return section;
  }
  function makeRow(section) {
    const row = {};
    row.thumb = h("canvas", { class: "vge-thumb", "aria-hidden": "true" });
    row.go = h("button", { type: "button", class: "vge-go", on: { click: () => { if (row.edge) update({ pins: [state.out ? [row.edge.x1, row.edge.y1] : [row.edge.x0, row.edge.y0]] }); } } }, row.thumb);
    row.rank = h("span", { class: "vge-rank" });
    row.place = h("span", { class: "vge-place" });
    row.shareBar = h("i");
    row.share = h("span");
    row.contributionBar = h("i");
    row.contribution = h("span");
    row.distance = h("td", { class: "vge-distance" });
    row.wrap = h("tr", {
      on: {
        pointerenter: () => { if (row.edge) { lit = [row.pane, row.edge]; later("over"); } },
        pointerleave: () => { lit = null; later("over"); },
      },
    },
    h("td", {}, row.go), h("td", {}, row.rank, row.place),
    h("td", {}, row.share, h("span", { class: "vge-meter" }, row.shareBar)),
    h("td", {}, row.contribution, h("span", { class: "vge-meter vge-signed" }, row.contributionBar)), row.distance);
    row.go.addEventListener("focus", () => { if (row.edge) { lit = [row.pane, row.edge]; later("over"); } }, { signal });
    row.go.addEventListener("blur", () => { lit = null; later("over"); }, { signal });
    section.body.append(row.wrap);
    section.rows.push(row);
    return row;
  }
  const MOST_ROWS = 100;
  function patchDistance(edge, layer) {
    const [rows, cols] = layer.grid;
    return Math.hypot((edge.x0 - edge.x1) * cols, (edge.y0 - edge.y1) * rows);
  }
  function drawPanel() {
    const wanted = panes.flatMap((pane) => (pane.view ? pane.view.actives.map((active, center) => ({ pane, active, center })) : []));
    while (sections.length < wanted.length) sections.push(makeSection());
    sections.forEach((section, i) => { section.wrap.hidden = i >= wanted.length; });
    wanted.forEach(({ pane, active, center }, i) => drawSection(sections[i], pane, active, center));
    panel.classList.toggle("vge-empty", !wanted.length);
    if (!wanted.length) panel.dataset.words = "This map is blank: no positive evidence, so no patch is the peak. Point at a patch to see whom it asked.";
  }
  function drawSection(section, pane, active, center) {
    const { view } = pane, { layer, row } = view;
    const all = view.edges.filter((edge) => edge.hop === 1 && edge.center === center);
    const by = {
      rank: (a, b) => a.rank - b.rank || a.to - b.to, share: (a, b) => (b.share || 0) - (a.share || 0),
      contribution: (a, b) => (b.contribution || 0) - (a.contribution || 0), distance: (a, b) => patchDistance(a, layer) - patchDistance(b, layer),
    };
    const sort = state.sort === "auto" ? (view.out ? "share" : "rank") : state.sort;
    const edges = [...all].sort(by[sort]);
    const cam = row.layers[layer.place].cam[active.node], peak = row.layers[layer.place].peak === active.node;
    section.swatch.style.background = active.color;
    const pooled = layer.grid.join() !== layer.key_grid.join(), keys = `${layer.key_grid.join(" \u00d7 ")} key nodes`;
    const side = state.with ? ` · ${pane.which ? "right" : "left"}` : "";
    if (view.out && pooled) {
      const key = nodeAt(layer.key_grid, ...centerOf(active.box));
      section.name.textContent = `${capital(place(active.box, layer.key_grid))} of ${keys}${side}`;
      section.facts.textContent = `key node ${key}, which covers node ${active.node} · ${asksWords(view, active, all)}`;
    } else {
      const where = place(boxOf(layer.grid, active.node), layer.grid);
      section.name.textContent = (peak ? `Peak: ${where}` : capital(where)) + side;
      section.facts.textContent = `node ${active.node} · map ${number(cam)} · ${asksWords(view, active, all, pooled ? ` of ${keys}` : "")}`;
    }
    section.heads.forEach((head, i) => head.setAttribute("aria-sort", columns[i][0] === sort ? (["share", "contribution"].includes(sort) ? "descending" : "ascending") : "none"));
    const shown = edges.slice(0, MOST_ROWS);
    while (section.rows.length < shown.length) makeRow(section);
    const topShare = Math.max(1e-9, ...shown.map((edge) => edge.share || 0)), top = contributionTop(shown);
    section.rows.forEach((line, i) => {
      const edge = shown[i];
      line.edge = edge ?? null;
      line.pane = pane.which;
      line.wrap.hidden = !edge;
      line.wrap.classList.toggle("vge-lit", Boolean(edge) && edge === view.lit);
      if (!edge) return;
      const box = view.out ? edge.toBox : edge.fromBox, grid = view.out ? layer.grid : layer.key_grid;
      line.rank.textContent = edge.itself ? "itself" : String(edge.rank);
      line.place.textContent = place(box, grid).replace("column", "col");
      line.share.textContent = percent(edge.share);
      line.shareBar.style.width = `${(100 * (edge.share || 0)) / topShare}%`;
      line.contribution.textContent = among(edge.contribution, top);
      const part = known(edge.contribution) ? (50 * edge.contribution) / top : 0;
      Object.assign(line.contributionBar.style, { left: `${part < 0 ? 50 + part : 50}%`, width: `${Math.abs(part)}%` });
      line.contributionBar.dataset.sign = part < 0 ? "minus" : "plus";
      line.distance.textContent = number(Number(patchDistance(edge, layer).toFixed(1)));
      line.distance.title = "patches on the grid" + (edge.distance === null ? "" : `; ${number(edge.distance)} between features`);
      line.go.setAttribute("aria-label", `Go to ${place(box, grid)}`);
      drawThumb(line.thumb, view, box);
    });
    section.more.textContent = edges.length > shown.length ? `and ${edges.length - shown.length} more` : edges.length ? "" : emptyWords(view);
  }
  /** How many neighbors a patch has, and how many of them are shown where some are hidden. */
  function asksWords({ layer, out }, { node }, shown, keys = "") {
    if (out) return count(shown.length, "patch asks it", "patches ask it");
    const there = degree(layer, node);
    return `asks ${there}${keys}${shown.length < there ? `, ${shown.length} shown` : ""}`;
  }
  function emptyWords({ out }) {
    if (state.share > 0) return `No edge here has a share of at least ${percent(state.share)}. Lower "Share at least" to see more.`;
    if (out) return `Nobody asks this patch in this layer${state.k ? ` among their nearest ${state.k}` : ""}.`;
    return "It asks nobody in this layer.";
  }
  function drawThumb(canvas, view, box) {
    const { image, photograph } = view, [left, top, right, bottom] = image.view;
    const key = `${view.subject.image} ${box}`;
    if (canvas.dataset.key === key && photograph.complete) return;
    canvas.dataset.key = photograph.complete ? key : "";
    const side = 72;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    if (!photograph.complete || !photograph.naturalWidth) return;
    context.drawImage(photograph, left + box[0] * (right - left), top + box[1] * (bottom - top), (box[2] - box[0]) * (right - left), (box[3] - box[1]) * (bottom - top), 0, 0, side, side);
  }

  // ------------------------------------------------------------------ words

  /** What a picture shows and what it hides. */
  function captionOf(view) {
    const { layer, subject, row, edges, actives } = view;
    const parts = [`layer ${layer.number} of ${subject.depth}`, classWords(row), methodWords(row.method)];
    const own = edges.filter((edge) => edge.hop === 1);
    if (!actives.length) parts.push("blank map: no peak");
    else if (view.out) parts.push(count(own.length, "patch asks", "patches ask") + (actives.length > 1 ? " these" : " this one"));
    else {
      const there = actives.reduce((sum, { node }) => sum + degree(layer, node), 0);
      const won = own.length === there ? 1 : own.reduce((sum, edge) => sum + (edge.share || 0), 0) / actives.length; // quantised shares sum to 1 only nearly
      parts.push(`${own.length} of ${count(there, "neighbor")} drawn, ${percent(won)} of the wins`);
    }
    if (state.hops > 1) {
      const far = edges.length - own.length, other = layer.number + (view.out ? 1 : -1);
      if (far) parts.push(`${count(far, "edge")} of further hops`);
      else if (other < 1 || other > subject.depth) parts.push(`no further hop: this is the ${view.out ? "last" : "first"} layer`);
      else if (!beside(subject, layer, view.out ? 1 : -1)) parts.push(`further hops need layer ${other}, which is not in this file`);
    }
    if (!layer.exact) parts.push("shares are approximate");
    return parts.filter(Boolean).join(" · ");
  }

  function drawWords() {
    const view = panes[0].view;
    for (const pane of panes) {
      if (!pane.view) continue;
      const { layer } = pane.view;
      pane.caption.textContent = captionOf(pane.view);
      pane.name.textContent = state.with ? nameOf(pane.which === 0 ? state : state.with) : "";
      drawLegend(pane);
      const at = hovered ?? (pane.view.actives[0] && [pane.view.actives[0].x, pane.view.actives[0].y]);
      const node = at ? nodeAt(layer.grid, ...at) : 0;
      pane.grid.setAttribute("aria-rowcount", String(layer.grid[0]));
      pane.grid.setAttribute("aria-colcount", String(layer.grid[1]));
      pane.line.setAttribute("aria-rowindex", String(Math.floor(node / layer.grid[1]) + 1));
      pane.cell.setAttribute("aria-colindex", String((node % layer.grid[1]) + 1));
      pane.cell.setAttribute("aria-selected", String(state.pins.some((each) => nodeAt(layer.grid, ...each) === node)));
      pane.cell.setAttribute("aria-label", sentenceOf(pane.view, node));
    }
    play.replaceChildren(icon(timer ? "M4 3h3v10H4zM9 3h3v10H9z" : "M4 2.5v11l9-5.5z"));
    play.setAttribute("aria-label", timer ? "Stop" : "Play through the layers");
    play.setAttribute("aria-pressed", String(Boolean(timer)));
    const now = view.actives[0];
    Object.assign(root.dataset, {
      layer: String(state.layer), node: now ? String(now.node) : "", pins: String(state.pins.length), hops: String(state.hops),
      target: String(state.target), method: state.method, subject: String(state.subject + 1), edges: String(view.edges.length), playing: timer ? "1" : "0",
    });
    legend.textContent = [state.hops > 1 ? "width: product of shares" : "width: share", "star: peak", "ring: asks itself", overlap()].filter(Boolean).join(" · ");
    const { pixels, scaleOf } = controls, { width, height } = sheet();
    pixels.textContent = `${Math.round(width * scaleOf())} \u00d7 ${Math.round(height * scaleOf())} pixels`;
    const [kept, deed] = [state.pins.length, state.out ? "who asks it" : "whom it asks"];
    hint.words.textContent = kept
      ? `${count(kept, "patch", "patches")} kept. ${touch.matches ? "" : "Shift-click adds another, Escape lets go."}`
      : touch.matches ? `Tap a patch to see ${deed}.` : `Point at a patch to see ${deed}. Click to keep it.`;
    hint.add.hidden = hint.release.hidden = !kept;
    adding = adding && kept > 0;
    hint.add.setAttribute("aria-pressed", String(adding));
    const words = view.actives.length ? `Layer ${view.layer.number}. ${sentenceOf(view, hovered ? nodeAt(view.layer.grid, ...hovered) : view.actives[0].node)}` : captionOf(view);
    if (words !== spoken) {
      spoken = words;
      clearTimeout(saying);
      saying = setTimeout(() => { live.textContent = words; }, 400);
    }
  }
  /** The color scales of a pane, which are its own. */
  function drawLegend({ view, bars: { cam, edge } }) {
    const shade = (colorOf) => `linear-gradient(90deg, ${Array.from({ length: 9 }, (_, i) => css(colorOf(i / 8))).join(", ")})`;
    cam.low.textContent = "0";
    cam.high.textContent = number(topOf(view.row, view.layer, state.scale));
    cam.bar.style.background = shade((value) => colorAt(PALETTES[state.palette], value));
    const by = state.color === "auto" ? (view.actives.length > 1 ? "center" : "contribution") : state.color;
    edge.label.textContent = by;
    edge.low.textContent = edge.high.textContent = "";
    if (by === "contribution") {
      const top = view.edges.length ? contributionTop(view.edges) : null;
      edge.low.textContent = top === null ? "against" : `against ${number(-top)}`;
      edge.high.textContent = top === null ? "for" : `${number(top, true)} for`;
      edge.bar.style.background = shade((value) => colorAt(DIVERGING, value));
    } else if (by === "share") {
      [edge.low.textContent, edge.high.textContent] = ["0", percent(1)];
      edge.bar.style.background = shade((value) => colorAt(PALETTES.cividis, 0.35 + 0.65 * value));
    } else {
      const bands = view.actives.map(({ color }, i, all) => `${color} ${(100 * i) / all.length}% ${(100 * (i + 1)) / all.length}%`);
      edge.bar.style.background = `linear-gradient(90deg, ${bands.join(", ") || PLAIN_EDGE})`;
    }
  }
  /** In split view of equal grids: how many edges both panes show. */
  function overlap() {
    const [a, b] = panes.map((pane) => pane.view);
    if (!a || !b || a.layer.grid.join() !== b.layer.grid.join() || a.layer.key_grid.join() !== b.layer.key_grid.join()) return "";
    const [left, right] = [a, b].map((view) => new Set(view.edges.filter((edge) => edge.hop === 1).map((edge) => `${edge.from}>${edge.to}`)));
    const both = [...left].filter((key) => right.has(key)).length;
    return `${both} of ${new Set([...left, ...right]).size} edges in both`;
  }
  function sentenceOf(view, node) {
    const { layer, row } = view;
    const edges = edgesOf(view.subject, row, layer, node, { hops: 1, k: state.k, share: state.share, out: view.out });
    const best = edges.reduce((top, edge) => (edge.share > (top?.share ?? 0) ? edge : top), null);
    const who = place(boxOf(layer.grid, node), layer.grid);
    const peak = row.layers[layer.place].peak === node ? ", the peak" : "";
    const asks = asksWords(view, { node }, edges);
    const strongest = best ? `; most: ${place(view.out ? best.toBox : best.fromBox, view.out ? layer.grid : layer.key_grid)}, ${percent(best.share)}` : "";
    return `${capital(who)}${peak}. ${capital(asks)}${strongest}.`;
  }
  function nameOf({ subject: s, target, method }) {
    const subject = doc.subjects[s], row = rowOf(subject, target, method);
    return [several("image") ? doc.images[subject.image].name : "", several("name") ? subject.name || `model ${s + 1}` : "", classWords(row), severalMethods ? methodWords(row.method) : ""].filter(Boolean).join(" · ");
  }
  const several = (key) => new Set(doc.subjects.map((subject) => subject[key])).size > 1 || (key === "name" && doc.subjects.length > new Set(doc.subjects.map((s) => s.image)).size);
  const severalMethods = new Set(doc.subjects.flatMap((subject) => subject.rows.map((row) => row.method))).size > 1;

  /** Title, class buttons and controls: everything that changes with the state but not with the pointer. */
  let chipsOf = null;
  function drawFrame() {
    const { subject, row, image } = panes[0].view;
    title.textContent = title.title = image.name;
    facts.textContent = [subject.name, `${subject.depth} graph layers`, methodWords(row.method)].filter(Boolean).join(" · ");
    subjectPicker.wrap.hidden = doc.subjects.length < 2;
    if (!subjectPicker.select.options.length) {
      doc.subjects.forEach((each, s) => subjectPicker.select.append(option(String(s), [doc.images[each.image].name, each.name || `model ${s + 1}`].join(" · "))));
      withPicker.select.append(option("", "nothing"));
      pairs.forEach((pair, i) => withPicker.select.append(option(String(i), nameOf(pair))));
    }
    subjectPicker.select.value = String(state.subject);
    withPicker.wrap.hidden = pairs.length < 2;
    withPicker.select.value = state.with ? String(pairs.findIndex((p) => p.subject === state.with.subject && p.target === state.with.target && p.method === state.with.method)) : "";
    if (chipsOf !== subject) {
      chipsOf = subject;
      classes.replaceChildren(...chips(subject));
    }
    for (const chip of classes.querySelectorAll("button")) mark(chip, chip.dataset.target === String(state.target));
    const { direction, hops, k, share, color, opacity, method, palette, scale, smooth, grid, line } = controls;
    direction.show(state.out);
    hops.show(state.hops);
    scale.show(state.scale);
    const most = Math.max(...subject.layers.map((layer) => layer.k));
    k.field.max = String(most);
    k.field.value = String(state.k === 0 ? most : Math.min(most, state.k));
    k.value.textContent = state.k === 0 || state.k >= most ? "all" : `nearest ${state.k}`;
    share.field.value = String(Math.round(100 * state.share));
    share.value.textContent = percent(state.share);
    color.select.value = state.color;
    opacity.field.value = String(Math.round(100 * state.opacity));
    opacity.value.textContent = percent(state.opacity);
    const methods = [...new Set(subject.rows.filter((each) => each.target === state.target).map((each) => each.method))];
    if ([...method.select.options].map((o) => o.value).join() !== methods.join()) method.select.replaceChildren(...methods.map((name) => option(name, methodWords(name))));
    method.select.value = state.method;
    method.wrap.hidden = methods.length < 2;
    palette.select.value = state.palette;
    smooth.field.checked = state.smooth;
    grid.field.checked = state.grid;
    line.value = command();
    strip.style.maxWidth = slider.style.maxWidth = `${subject.layers.length * 136}px`;
    slider.max = String(subject.layers.length - 1);
    slider.value = String(subject.layers.findIndex((each) => each.number === state.layer));
    slider.setAttribute("aria-valuetext", `layer ${state.layer} of ${subject.depth}`);
  }
  function chips(subject) {
    const held = new Map(subject.rows.map((row) => [row.target, row]));
    const top = subject.top.map((entry) => ({ ...entry, row: held.get(entry.index) }));
    const rest = [...held.values()].filter((row) => !subject.top.some((entry) => entry.index === row.target))
      .map((row) => ({ index: row.target, label: row.label, probability: row.probability, row }));
    return [...top, ...rest].map((entry) => {
      const bar = h("span", { class: "vge-chip-bar" });
      bar.style.width = `${100 * (entry.probability ?? 0)}%`;
      return h("button", {
        type: "button", role: "radio", class: "vge-chip", disabled: !entry.row, title: entry.label + (entry.row ? "" : ": no map of this class in this file"),
        data: { target: String(entry.index) }, on: { click: () => update({ target: entry.index }) },
      }, h("span", { class: "vge-chip-label", textContent: entry.label }), h("span", { class: "vge-chip-value", textContent: known(entry.probability) ? percent(entry.probability) : "" }), bar);
    });
  }

  // ------------------------------------------------------------------ taking it along

  function command() {
    const { subject, row } = panes[0].view ?? viewOf(0);
    const words = [...subject.command, "--layers", String(state.layer), "--k", state.k ? String(state.k) : "all"];
    if (row.target >= 0) words.push("--target", String(row.target));
    if (row.versus !== null) words.push("--versus", String(row.versus));
    words.push("--method", row.method);
    for (const pin of state.pins) words.push("--center", pin.join());
    if (state.palette !== DEFAULTS.palette) words.push("--palette", state.palette);
    return words.map(quoted).join(" ");
  }
  const fileName = () => `${panes[0].view.image.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 80) || "image"}_layer_${state.layer}`;

  /** Size of an exported picture and where its panes lie, in units of scale 1. */
  function sheet() {
    const shown = panes.filter((pane) => pane.view);
    const width = 640, gap = 24, captionHeight = 40;
    let height = 0;
    const parts = shown.map((pane, i) => {
      const { image } = pane.view;
      height = Math.max(height, (width * image.height) / image.width);
      return { pane, left: i * (width + gap) };
    });
    return { parts, width: parts.length * (width + gap) - gap, height: height + captionHeight, one: width };
  }
  function lines(text, most) {
    const result = [""];
    for (const word of text.split(" · ")) {
      const longer = result.at(-1) ? `${result.at(-1)} · ${word}` : word;
      if (longer.length <= most || !result.at(-1)) result[result.length - 1] = longer;
      else result.push(word);
    }
    return result.slice(0, 2);
  }

  function svg(scale = 1) {
    for (const pane of panes) refresh(pane.which);
    const { parts, width, height, one } = sheet();
    const node = svgNode("svg", { xmlns: SVG, width: width * scale, height: height * scale, viewBox: `0 0 ${width} ${height}` });
    node.append(svgNode("title", {}, doc.title), svgNode("rect", { width, height, fill: "#ffffff" }));
    for (const { pane, left } of parts) {
      const { view } = pane, box = frameOf(view, one), tall = view.image.height * box.scale;
      const group = svgNode("g", { transform: `translate(${left} 0)`, "data-pane": String(pane.which) });
      group.append(svgNode("image", { href: view.image.source, width: one, height: tall, preserveAspectRatio: "none" }));
      if (state.opacity > 0) {
        const heat = svgNode("image", { href: heatOf(view.row, view.layer, view.rowKey).toDataURL(), x: box.left, y: box.top, width: box.width, height: box.height, opacity: state.opacity, preserveAspectRatio: "none" });
        if (!state.smooth) heat.setAttribute("image-rendering", "pixelated");
        group.append(heat);
      }
      if (state.grid) {
        const [rows, cols] = view.layer.grid;
        const down = Array.from({ length: cols + 1 }, (_, c) => `M${(box.left + (c * box.width) / cols).toFixed(2)} ${box.top.toFixed(2)}v${box.height.toFixed(2)}`);
        const across = Array.from({ length: rows + 1 }, (_, r) => `M${box.left.toFixed(2)} ${(box.top + (r * box.height) / rows).toFixed(2)}h${box.width.toFixed(2)}`);
        group.append(svgNode("path", { d: [...down, ...across].join(""), stroke: "#ffffff", "stroke-opacity": cols > 28 ? 0.1 : 0.2, "stroke-width": 0.8, fill: "none" }));
      }
      group.append(...svgShapes(shapesOf(sceneOf({ ...view, hover: null }), box)));
      lines(captionOf(view), 92).forEach((text, i) => group.append(svgNode("text", { x: 2, y: tall + 16 + 16 * i, "font-family": "system-ui, sans-serif", "font-size": 13, fill: "#16181d" }, text)));
      node.append(group);
    }
    return new XMLSerializer().serializeToString(node);
  }
  function png(scale = 1) {
    for (const pane of panes) refresh(pane.which);
    const { parts, width, height, one } = sheet();
    const real = Math.min(scale, 16000 / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * real);
    canvas.height = Math.round(height * real);
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const { pane, left } of parts) {
      const { view } = pane, wide = one * real;
      context.save();
      context.translate(left * real, 0);
      paintBase(context, view, wide);
      paintShapes(context, shapesOf(sceneOf({ ...view, hover: null }), frameOf(view, wide)));
      context.fillStyle = "#16181d";
      context.font = `${13 * real}px system-ui, sans-serif`;
      lines(captionOf(view), 92).forEach((text, i) => context.fillText(text, 2 * real, (view.image.height * wide) / view.image.width + (16 + 16 * i) * real));
      context.restore();
    }
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  // ------------------------------------------------------------------ life

  const observer = new ResizeObserver(() => { dress(); later("base", "strip"); });
  observer.observe(root);
  const themes = new MutationObserver(dress);
  for (const node of [document.documentElement, document.body]) if (node) themes.observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress, { signal });
  dress();
  for (const pane of panes) observer.observe(pane.stage);
  const ready = Promise.all(photographs.map((image) => image.decode().catch(() => {}))).then(() => {
    if (signal.aborted) return;
    later("all");
    flush();
    root.dataset.ready = "1";
    performance.mark?.("vizgraph-explorer-ready");
  });
  later("all");
  flush();

  const api = {
    root, ready, update, flush, svg, png, command,
    get state() { return structuredClone(state); },
    edges: (which = 0) => { refresh(which); return panes[which].view ? panes[which].view.edges.map(({ fromBox, toBox, ...edge }) => edge) : []; },
    text: (which = 0) => { refresh(which); return panes[which].view ? captionOf(panes[which].view) : ""; },
    hover: (x, y) => { hovered = x === null ? null : [x, y]; later("over", "panel"); },
    destroy: () => {
      if (signal.aborted) return;
      stop.abort();
      cancelAnimationFrame(frame);
      clearInterval(timer);
      clearTimeout(saying);
      observer.disconnect();
      themes.disconnect();
      heats.clear();
      for (const image of photographs) image.removeAttribute("src");
      root.remove();
    },
  };
  root.explorer = api;
  return api;
}

// ---------------------------------------------------------------------------------------------------- hosts

/**
 * anywidget's entry: draw the model's `document` in `el`, keep its `state` in step, return what undoes it all.
 * A model that is not a notebook's may have an `address`, see `mount`.
 */
export function render({ model, el }) {
  let api = null, saving = 0;
  const save = (state) => {
    model.set("state", state);
    clearTimeout(saving);
    saving = setTimeout(() => model.save_changes(), 150);
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
    if (api && JSON.stringify(state) !== JSON.stringify(api.state)) api.update({ ...DEFAULTS, ...state }, { quiet: true });
  };
  build();
  model.on("change:document", build);
  model.on("change:state", follow);
  return () => {
    model.off("change:document", build);
    model.off("change:state", follow);
    clearTimeout(saving);
    api?.destroy();
    api = null; // hosts may keep this function longer than the view
  };
}

export default { render };
