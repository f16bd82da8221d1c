// Made of viz_nodes/explorer/src by `npm run build`: change it there.

// regions.js
var SIDE = 640;
var Regions = class {
  /** @param {any} arrays see `viz_nodes.explorer.regions`; `key` is what tells these from others. */
  constructor({ key, size, pitch, corners: corners2, counts, loops, middles, spots }) {
    this.size = size;
    this.pitch = pitch;
    this.key = key;
    const cell = [pitch / size[1], pitch / size[0]];
    this.boxes = [];
    let [at, loop] = [0, 0];
    loops.forEach((count2, node) => {
      const outlines = Array.from({ length: count2 }, () => {
        const outline = corners2.subarray(2 * at, 2 * (at + counts[loop]));
        at += counts[loop++];
        return outline;
      });
      const pair = (values) => [values[2 * node], values[2 * node + 1]];
      const box = Object.assign(bounds(outlines), {
        node,
        loops: outlines,
        middle: pair(middles),
        spot: pair(spots),
        cell
      });
      this.boxes.push(box);
    });
    this.smallestFirst = [...this.boxes].sort((a, b) => areaOf(a) - areaOf(b) || a.node - b.node);
  }
  /** The node in whose region a place lies, the smallest; -1 where there is none. */
  at(x, y) {
    return this.smallestFirst.find((box) => holds(box, x, y))?.node ?? -1;
  }
  /** The node whose region a place lies in, else whose middle is nearest. */
  nearest(x, y) {
    const node = this.at(x, y);
    if (node >= 0) return node;
    const away = ({ middle }) => Math.hypot((middle[0] - x) * this.size[1], (middle[1] - y) * this.size[0]);
    return this.boxes.reduce((best, box) => away(box) < away(best) ? box : best).node;
  }
  /** The nearest node that lies in a direction from another; that one itself where there is none. */
  beside(node, down, across) {
    if (Math.abs(across) > 1 || Math.abs(down) > 1) return across < 0 || down < 0 ? 0 : this.boxes.length - 1;
    const [x, y] = this.boxes[node].middle;
    let [best, least] = [node, Number.POSITIVE_INFINITY];
    for (const { middle, node: other } of this.boxes) {
      const [dx, dy] = [(middle[0] - x) * this.size[1], (middle[1] - y) * this.size[0]];
      const [along2, aside] = across ? [dx * across, Math.abs(dy)] : [dy * down, Math.abs(dx)];
      const atOnce = dx === 0 && dy === 0 && (across + down > 0 ? other > node : other < node);
      if (other === node || !(atOnce || along2 > 0) || aside > along2) continue;
      if (along2 + aside < least) [best, least] = [other, along2 + aside];
    }
    return best;
  }
  /** A map as a canvas: each region in its own color; `colorOf` gives a CSS color for a node. */
  painted(colorOf) {
    const [height, width] = this.size;
    const scale = SIDE / Math.max(height, width);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = canvas.getContext("2d");
    for (const box of [...this.smallestFirst].reverse()) {
      context.beginPath();
      trace(context, box, 0, 0, canvas.width, canvas.height);
      context.fillStyle = "#ffffff";
      context.globalCompositeOperation = "destination-out";
      context.fill("evenodd");
      context.globalCompositeOperation = "source-over";
      context.fillStyle = colorOf(box.node);
      context.fill("evenodd");
    }
    return canvas;
  }
};
function trace(context, { loops }, left, top, width, height) {
  for (const loop of loops) {
    for (let i = 0; i < loop.length; i += 2) {
      const [x, y] = [left + loop[i] * width, top + loop[i + 1] * height];
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    context.closePath();
  }
}
function holds(box, x, y) {
  if (x < box[0] || x > box[2] || y < box[1] || y > box[3]) return false;
  let inside = false;
  for (const loop of box.loops) {
    for (let i = 0, j = loop.length - 2; i < loop.length; j = i, i += 2) {
      const [x1, y1, x2, y2] = [loop[i], loop[i + 1], loop[j], loop[j + 1]];
      if (y1 > y !== y2 > y && x < x1 + (x2 - x1) * (y - y1) / (y2 - y1)) inside = !inside;
    }
  }
  return inside;
}
function bounds(loops) {
  const box = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const loop of loops) {
    loop.forEach((value, i) => {
      box[i % 2] = Math.min(box[i % 2], value);
      box[2 + i % 2] = Math.max(box[2 + i % 2], value);
    });
  }
  return box;
}
function areaOf({ loops }) {
  let twice = 0;
  for (const loop of loops) {
    for (let i = 0, j = loop.length - 2; i < loop.length; j = i, i += 2)
      twice += loop[j] * loop[i + 1] - loop[i] * loop[j + 1];
  }
  return Math.abs(twice);
}

// geometry.js
var boxOf = (grid, node) => {
  if (grid.regions) return grid.regions.boxes[node];
  const [rows, cols] = grid;
  const row = Math.floor(node / cols), col = node % cols;
  return [col / cols, row / rows, (col + 1) / cols, (row + 1) / rows];
};
var centerOf = (box) => box.middle ?? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
var spotOf = (box) => box.spot ?? centerOf(box);
var nounOf = (grid) => grid.regions ? "region" : "patch";
var keyOf = (box) => box.node === void 0 ? box.join() : `${box.node}:${box.join()}`;
var sameBox = (a, b) => a.node === b.node && a.every((value, i) => Math.abs(value - b[i]) < 1e-6);
var sameGrid = (a, b) => a.join() === b.join() && a.regions?.key === b.regions?.key;
var nodeAt = (grid, x, y) => {
  if (grid.regions) return grid.regions.nearest(x, y);
  const [rows, cols] = grid;
  const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value + 1e-6)));
  return clip(y * rows, rows) * cols + clip(x * cols, cols);
};
var nodeUnder = (grid, x, y) => grid.regions ? grid.regions.at(x, y) : nodeAt(grid, x, y);
function stepFrom(grid, node, [down, across]) {
  if (grid.regions) return grid.regions.beside(node, down, across);
  const [rows, cols] = grid;
  const clip = (value, top) => Math.min(top - 1, Math.max(0, value));
  return clip(Math.floor(node / cols) + down, rows) * cols + clip(node % cols + across, cols);
}
function coveredBy(grid, box) {
  if (grid.regions || box.loops) return coveredRegions(grid, box);
  const [rows, cols] = grid;
  const along2 = (low, high, n) => {
    const parts = [];
    for (let i = Math.max(0, Math.floor(low * n + 1e-6)); i < Math.min(n, Math.ceil(high * n - 1e-6)); i++) {
      parts.push([i, (Math.min(high, (i + 1) / n) - Math.max(low, i / n)) / (high - low)]);
    }
    return parts;
  };
  const across = along2(box[0], box[2], cols);
  return along2(box[1], box[3], rows).flatMap(([r, down]) => across.map(([c, part]) => [r * cols + c, down * part]));
}
function coveredRegions(grid, box) {
  const same = box.node !== void 0 && grid.regions?.boxes[box.node];
  if (same && sameBox(same, box)) return [[box.node, 1]];
  const inside = ([x, y]) => box.loops ? holds(box, x, y) : x >= box[0] && x < box[2] && y >= box[1] && y < box[3];
  const nodes = Array.from({ length: grid[0] * grid[1] }, (_, node) => node);
  const covered = nodes.filter((node) => inside(centerOf(boxOf(grid, node))));
  const found = covered.length ? covered : [nodeAt(grid, ...centerOf(box))];
  return found.map((node) => [node, 1 / found.length]);
}
function distanceOn(grid, x0, y0, x1, y1) {
  const { regions } = grid;
  if (regions) return Math.hypot((x0 - x1) * regions.size[1], (y0 - y1) * regions.size[0]) / regions.pitch;
  return Math.hypot((x0 - x1) * grid[1], (y0 - y1) * grid[0]);
}

// ../../draw/style/words.json
var words_default = {
  about: "Words and numbers of figures, pages and notebooks: read by viz_nodes/draw/style/captions.py and by the explorer's JavaScript. `cases` is what both are tested on. A no-break space (U+00A0) stands before a percent sign, a minus is U+2212.",
  separator: " · ",
  percent: {
    unknown: "? %",
    below: 0.5,
    below_words: "<1 %",
    above: 99.5,
    above_words: ">99 %",
    whole: 99.9999,
    template: "{} %"
  },
  number: {
    digits: 3,
    least: 1e-3,
    most: 1e4,
    scientific_digits: 2,
    minus: "−",
    unknown: "?"
  },
  methods: {
    gradcam: "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    xgradcam: "XGrad-CAM",
    layercam: "Layer-CAM",
    hirescam: "HiResCAM",
    eigencam: "Eigen-CAM",
    eigengradcam: "Eigen-Grad-CAM",
    gradcam_elementwise: "elementwise Grad-CAM",
    shapleycam: "ShapleyCAM",
    finercam: "Finer-CAM",
    kpcacam: "KPCA-CAM",
    fem: "FEM",
    scorecam: "Score-CAM",
    ablationcam: "Ablation-CAM",
    segeigencam: "Seg-Eigen-CAM",
    node_ablation: "node ablation",
    random: "random map",
    randomcam: "random map"
  },
  cases: {
    percent: [
      [0, "0 %"],
      [1e-5, "<1 %"],
      [4e-3, "<1 %"],
      [499e-5, "<1 %"],
      [5e-3, "1 %"],
      [0.015, "2 %"],
      [0.025, "3 %"],
      [0.125, "13 %"],
      [0.62, "62 %"],
      [0.9949, "99 %"],
      [0.995, ">99 %"],
      [0.998, ">99 %"],
      [0.9999, ">99 %"],
      [0.9999999, "100 %"],
      [1, "100 %"],
      [null, "? %"],
      [-4e-3, "0 %"],
      [-0.25, "−25 %"]
    ],
    number: [
      [0, "0"],
      [1e-3, "0.001"],
      [0.03125, "0.0313"],
      [1.25, "1.25"],
      [12.34, "12.3"],
      [999.4, "999"],
      [1234.5, "1235"],
      [9999.7, "10000"],
      [999.6, "1000"],
      [1.2, "1.2"],
      [123456, "1.2e5"],
      [31e-6, "3.1e−5"],
      [99999e-8, "1.0e−3"],
      [-2.5, "−2.5"],
      [100, "100"],
      [-12e-5, "−1.2e−4"],
      [null, "?"]
    ]
  }
};

// words.js
var { percent: PERCENT, number: NUMBER, methods: METHODS } = words_default;
var SEPARATOR = words_default.separator;
var NBSP = " ";
var known = (value) => value !== null && value !== void 0 && Number.isFinite(value);
function percent(fraction) {
  if (!known(fraction)) return PERCENT.unknown;
  const value = 100 * fraction;
  if (value > 0 && value < PERCENT.below) return PERCENT.below_words;
  if (value >= PERCENT.above && value < PERCENT.whole) return PERCENT.above_words;
  const whole2 = Math.floor(Math.abs(value) + 0.5);
  return PERCENT.template.replace("{}", `${value < 0 && whole2 ? NUMBER.minus : ""}${whole2}`);
}
function number(value, signed = false) {
  if (!known(value)) return NUMBER.unknown;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? NUMBER.minus : signed ? "+" : "";
  return sign + (size < NUMBER.least || size >= NUMBER.most ? scientific(size) : rounded(size));
}
var scientific = (size) => size.toExponential(NUMBER.scientific_digits - 1).replace("+", "").replace("-", NUMBER.minus);
function rounded(size) {
  const whole2 = Math.floor(Math.log10(size)) + 1;
  return String(Number(size.toPrecision(Math.max(NUMBER.digits, whole2))));
}
function among(value, top) {
  if (!known(value) || value === 0 || !(top >= 1e-4 && top < 1e6)) return number(value, true);
  const text = Math.abs(value).toFixed(Math.max(0, 2 - Math.floor(Math.log10(top))));
  return Number(text) === 0 ? `≈${NBSP}0` : (value < 0 ? NUMBER.minus : "+") + text;
}
var methodWords = (name) => Object.hasOwn(METHODS, name.toLowerCase()) ? METHODS[name.toLowerCase()] : name;
var classWords = (row) => row.label + (known(row.probability) ? ` (${percent(row.probability)})` : "") + (row.versus_label !== null ? ` rather than ${row.versus_label}` : "");
var count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

// quantities.js
var VALUES = ["rank", "share", "contribution", "effect"];
var SIGNED = ["contribution", "effect"];
var WIDEST = 0.6;
function orderOf(asked, row, layer) {
  for (const by of asked === "effect" ? ["effect", "contribution", "share"] : ["contribution", "share"]) {
    if (by === "contribution" && !["contribution", "effect"].includes(asked)) continue;
    if (asked !== "rank" && isKnown(by, row, layer)) return by;
  }
  return "rank";
}
function isKnown(by, row, layer) {
  if (by === "rank") return true;
  const values = by === "share" ? row.share ?? layer.share : row[by];
  row.told ??= {};
  row.told[by] ??= Boolean(values?.some((value) => known(value) && value !== 0));
  return row.told[by];
}
var widthBy = (state, order) => state.width !== "auto" ? state.width : order === "rank" ? "share" : order;
var colorBy = (state, order, centers) => state.color !== "auto" ? state.color : SIGNED.includes(order) && centers <= 1 ? order : "center";
function turnOf(values, neighbors, k, place) {
  const first = place - place % k;
  const size = (at) => known(values[at]) ? Math.abs(values[at]) : 0;
  let before = 0;
  for (let at = first; at < first + k; at++) {
    if (neighbors[at] < 0 || at === place) continue;
    if (size(at) > size(place) || size(at) === size(place) && at < place) before++;
  }
  return before;
}
var topOf = (edges, by) => edges.reduce((top, edge) => edge.hop > 1 ? top : Math.max(top, Math.abs(edge[by]) || 0), 0) || 1;
function strengthOf(edge, by, top) {
  if (by === "share" || edge.hop > 1) return known(edge.share) ? edge.share : 0;
  if (by === "rank") return WIDEST * (top + 1 - Math.max(1, Math.min(top, edge.nth))) / top;
  return known(edge[by]) ? WIDEST * Math.min(top, Math.abs(edge[by])) / top : 0;
}
var widthTop = (edges, by) => by === "rank" ? topOf(edges, "nth") : by === "share" ? 1 : topOf(edges, by);
var WIDTH_WORDS = {
  rank: "rank",
  share: "share of channels",
  contribution: "size of contribution",
  effect: "size of effect"
};

// edges.js
function listenersOf(layer) {
  if (layer.listeners) return layer.listeners;
  const keys = layer.key_grid[0] * layer.key_grid[1];
  const starts = new Int32Array(keys + 1);
  for (const key of layer.neighbors) if (key >= 0) starts[key + 1]++;
  for (let i = 0; i < keys; i++) starts[i + 1] += starts[i];
  const places = new Int32Array(starts[keys]);
  const filled = starts.slice();
  layer.neighbors.forEach((key, place) => {
    if (key >= 0) places[filled[key]++] = place;
  });
  layer.listeners = { starts, places };
  return layer.listeners;
}
function degree(layer, node) {
  let there = 0;
  for (let place = node * layer.k; place < (node + 1) * layer.k; place++) if (layer.neighbors[place] >= 0) there++;
  return there;
}
function rankForPeople(layer, place) {
  const rank = place % layer.k;
  const node = (place - rank) / layer.k;
  if (layer.grid.join() !== layer.key_grid.join()) return rank + 1;
  if (layer.neighbors[place] === node) return 0;
  const itself = layer.neighbors.subarray(node * layer.k, place).indexOf(node) >= 0;
  return rank + (itself ? 0 : 1);
}
function edgeAt(layer, asked, place, order) {
  const from = layer.neighbors[place];
  const to = Math.floor(place / layer.k);
  return {
    layer: layer.number,
    from,
    to,
    rank: place % layer.k,
    turn: order ? turnOf(order, layer.neighbors, layer.k, place) : place % layer.k,
    nth: rankForPeople(layer, place),
    ranked: layer.ranked !== false,
    share: (asked.share ?? layer.share)[place],
    contribution: asked.contribution[place],
    effect: asked.effect ? asked.effect[place] : null,
    distance: layer.distance ? layer.distance[place] : null,
    fromBox: boxOf(layer.key_grid, from),
    toBox: boxOf(layer.grid, to)
  };
}
var beside = (subject, layer, step) => [subject.layers[layer.place + step]].find((other) => other && other.number === layer.number + step);
function edgesOf(subject, row, layer, node, { hops, k, share, out, order = "rank", far = 0 }) {
  const start = out ? keyBox(layer, boxOf(layer.grid, node)) : boxOf(layer.grid, node);
  let frontier = /* @__PURE__ */ new Map([[keyOf(start), { box: start, weight: 1, nodes: out ? null : [[node, 1]], drawn: true }]]);
  const edges = [];
  const counts = [];
  let at = layer;
  for (let hop = 1; hop <= hops && at && frontier.size; hop++) {
    const asked = row.layers[at.place];
    const values = k === 0 || hop > 1 || order === "rank" ? null : order === "share" ? asked.share ?? at.share : asked[order];
    const all = hopOf(asked, at, frontier, hop, out, values);
    const kept = all.filter((edge) => edge.leads && (hop > 1 || isFirst(edge, k, share)));
    if (hop > 1) kept.sort((a, b) => b.weight - a.weight || a.rank - b.rank || a.from - b.from || a.to - b.to);
    const drawn = new Set(hop > 1 && far ? kept.slice(0, far) : kept);
    edges.push(...drawn);
    const carried = [...drawn].reduce((sum, edge) => sum + edge.weight, 0);
    counts.push({ layer: at.number, drawn: drawn.size, total: all.length, carried });
    frontier = reachedBy(all, drawn, out);
    at = beside(subject, at, out ? 1 : -1);
  }
  return { edges, hops: counts };
}
var keyBox = (layer, box) => box.node === void 0 ? keyBelow(layer, box) : box;
var keyBelow = (layer, box) => boxOf(layer.key_grid, nodeAt(layer.key_grid, ...centerOf(box)));
var keyNode = ({ key_grid: grid }, box) => {
  const same = box.node !== void 0 && grid.regions?.boxes[box.node];
  return same && sameBox(same, box) ? box.node : nodeAt(grid, ...centerOf(box));
};
var isFirst = (edge, k, share) => (k === 0 || edge.turn < k) && !(edge.share < share);
function hopOf(asked, layer, frontier, hop, out, order) {
  const edges = [];
  for (const { box, weight, nodes, drawn } of frontier.values()) {
    const inside = nodes ?? (out ? [[keyNode(layer, box), 1]] : coveredBy(layer.grid, box));
    const joined = /* @__PURE__ */ new Map();
    for (const [one, part] of inside) {
      for (const place of placesOf(layer, one, out))
        join(joined, edgeAt(layer, asked, place, order), out ? "to" : "from", out ? 1 : part);
    }
    for (const edge of joined.values()) {
      edge.hop = hop;
      edge.leads = drawn;
      edge.weight = weight * (known(edge.share) ? edge.share : 0);
      if (inside.length > 1 && !out) edge.toBox = box;
      [edge.x0, edge.y0] = centerOf(edge.fromBox);
      [edge.x1, edge.y1] = centerOf(edge.toBox);
      const regions = edge.fromBox.node !== void 0;
      edge.itself = regions ? edge.from === edge.to : Math.hypot(edge.x0 - edge.x1, edge.y0 - edge.y1) < 1e-6;
      edges.push(edge);
    }
  }
  return edges;
}
function placesOf(layer, node, out) {
  if (out) {
    const { starts, places } = listenersOf(layer);
    return places.subarray(starts[node], starts[node + 1]);
  }
  return Array.from({ length: layer.k }, (_, rank) => node * layer.k + rank).filter(
    (place) => layer.neighbors[place] >= 0
  );
}
function reachedBy(edges, drawn, out) {
  const next = /* @__PURE__ */ new Map();
  for (const edge of edges) {
    const box = out ? edge.toBox : edge.fromBox;
    const key = keyOf(box);
    const earlier = next.get(key) ?? { box, weight: 0, nodes: null, drawn: false };
    earlier.weight += edge.weight;
    earlier.drawn ||= drawn.has(edge);
    next.set(key, earlier);
  }
  return next;
}
function join(joined, edge, by, part) {
  const earlier = joined.get(edge[by]);
  if (earlier) {
    earlier.share += edge.share * part;
    earlier.contribution += edge.contribution;
    earlier.effect = null;
    earlier.rank = Math.min(earlier.rank, edge.rank);
    earlier.turn = Math.min(earlier.turn, edge.turn);
    earlier.nth = Math.min(earlier.nth, edge.nth);
    earlier.joins += 1;
  } else {
    joined.set(edge[by], { ...edge, share: edge.share * part, joins: 1 });
  }
}

// colors.json
var colors_default = {
  palettes: {
    inferno: "0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d24644e45a31f1731df98e09fcac11f9cb35f2ea69fcffa4",
    viridis: "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
    magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf",
    cividis: "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
    print: "e85a2ae24f33dd443dd73a46d22f4fc32753b41f57a5185b95105f850e5f740c5f640a5f53085f4707573b064f2f064723053f",
    jet: "0000800000c80000ff0040ff0080ff00c0ff16ffe149ffad7dff7ab1ff46e4ff13ffd000ff9400ff5900ff1e00c40000800000"
  },
  themes: {
    light: {
      page: "#ffffff",
      ink: "#16181d",
      muted: "#5c6068",
      veil: "#ffffff",
      casing: "#ffffff",
      peak: "#ffd21f",
      rim: "#16181d",
      centers: ["#c4005c", "#0062a8", "#00805c", "#c24a00", "#6a3fa0", "#7a5c00"],
      diverging: "00448f3f86c6656972df8332b33c00"
    },
    dark: {
      page: "#101216",
      ink: "#eef0f3",
      muted: "#a0a6b0",
      veil: "#0b0d11",
      casing: "#0b0d11",
      peak: "#ffe04d",
      rim: "#0b0d11",
      centers: ["#ff7ac1", "#6cc4ff", "#3fe0ae", "#ff9d3c", "#c9b6ff", "#f6ea5e"],
      diverging: "8fd0ff4a9ade9399a4e58f3bffc585"
    }
  }
};

// colors.js
var PALETTES = colors_default.palettes;
var THEMES = colors_default.themes;
function colorAt(stops, value) {
  const last = stops.length / 6 - 1;
  const at = Math.min(1, Math.max(0, value)) * last;
  const low = Math.min(last - 1, Math.floor(at));
  const channel = (stop, i) => parseInt(stops.slice(stop * 6 + 2 * i, stop * 6 + 2 * i + 2), 16);
  const between = (i) => Math.round(channel(low, i) + (channel(low + 1, i) - channel(low, i)) * (at - low));
  return [between(0), between(1), between(2)];
}
var css = ([r, g, b]) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
var toward = (color, other, part) => css(colorAt(color.slice(1) + other.slice(1), part));

// state.js
var DEFAULTS = {
  subject: 0,
  target: null,
  method: null,
  layer: null,
  pins: [],
  hops: 1,
  far: 18,
  k: 0,
  share: 0,
  out: false,
  order: "contribution",
  width: "auto",
  color: "auto",
  field: "cam",
  opacity: 0.75,
  palette: "inferno",
  scale: "layer",
  smooth: true,
  grid: true,
  sort: "auto",
  canvas: "original",
  zoom: 1,
  at: [0.5, 0.5],
  with: null
};
var CHOICES = {
  order: VALUES,
  width: ["auto", ...VALUES],
  color: ["auto", ...VALUES, "center"],
  field: ["cam", "chosen"],
  canvas: ["original", "input"],
  scale: ["layer", "shared"],
  sort: ["auto", ...VALUES, "distance"]
};
var MOST_PINS = 6;
var MOST_ZOOM = 12;
var whole = (value, low, high, other) => Number.isInteger(value) && value >= low && value <= high ? value : other;
var real = (value, low, high, other) => Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : other;
var isPlace = (value) => Array.isArray(value) && value.length === 2 && value.every((v) => Number.isFinite(v) && v >= 0 && v <= 1);
var short = (value) => Number(value.toFixed(4));
function resolve(doc, given) {
  const state = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) {
    if (given && given[key] !== void 0 && given[key] !== null) state[key] = given[key];
  }
  state.subject = whole(state.subject, 0, doc.subjects.length - 1, 0);
  const subject = doc.subjects[state.subject];
  const row = rowOf(subject, state.target, state.method);
  [state.target, state.method] = [row.target, row.method];
  if (!subject.layers.some((layer) => layer.number === state.layer)) state.layer = subject.layers.at(-1).number;
  const pins = Array.isArray(state.pins) ? state.pins : [];
  state.pins = pins.filter(isPlace).slice(0, MOST_PINS).map((pin) => pin.map(short));
  state.at = isPlace(state.at) ? state.at.map(short) : DEFAULTS.at;
  state.hops = whole(state.hops, 1, 3, 1);
  for (const key of ["k", "far"]) state[key] = whole(state[key], 0, 32767, DEFAULTS[key]);
  for (const key of ["share", "opacity"]) state[key] = real(state[key], 0, 1, DEFAULTS[key]);
  state.zoom = real(state.zoom, 1, MOST_ZOOM, 1);
  for (const key of ["out", "smooth", "grid"]) state[key] = Boolean(state[key]);
  for (const [key, values] of Object.entries(CHOICES)) if (!values.includes(state[key])) state[key] = DEFAULTS[key];
  if (!Object.hasOwn(PALETTES, state.palette)) state.palette = DEFAULTS.palette;
  state.with = partnerOf(doc, state.with);
  return state;
}
function partnerOf(doc, wanted) {
  if (!wanted || typeof wanted !== "object" || !doc.subjects[wanted.subject]) return null;
  const { target, method } = rowOf(doc.subjects[wanted.subject], wanted.target, wanted.method);
  return { subject: wanted.subject, target, method };
}
function rowOf(subject, target, method) {
  const rows = subject.rows;
  return rows.find((row) => row.target === target && row.method === method) ?? rows.find((row) => row.target === target) ?? rows.find((row) => row.method === method) ?? rows[0];
}

// sentences.js
var placeWords = (box, [rows, cols]) => box.node !== void 0 ? `region ${box.node}` : `row ${Math.floor((box[1] + box[3]) / 2 * rows) + 1}, column ${Math.floor((box[0] + box[2]) / 2 * cols) + 1}`;
var capital = (text) => text[0].toUpperCase() + text.slice(1);
function edgeWords(edge) {
  const rank = edge.nth === 0 ? "itself" : `${edge.ranked ? "rank" : "number"} ${edge.nth}`;
  return `layer ${edge.layer}: key node ${edge.from} to node ${edge.to}, ${rank}, share of channels ${percent(edge.share)}, contribution ${number(edge.contribution, true)}${known(edge.effect) ? `, effect of cutting it ${number(edge.effect, true)}` : ""}`;
}
var quoted = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
function neighborWords({ layer, out }, { node }, shown, keys = "") {
  if (out) return count(shown.length, "patch aggregates from it", "patches aggregate from it");
  const there = degree(layer, node);
  const hidden = shown.length < there ? `, ${shown.length} shown` : "";
  return `aggregates from ${keys ? `${there}${keys}` : count(there, "neighbor")}${hidden}`;
}
function emptyWords(state, { out }) {
  if (state.share > 0) {
    return `No edge here has a share of at least ${percent(state.share)}. Lower "Share at least" to see more.`;
  }
  if (out) return `No patch aggregates from this one in this layer${state.k ? ` among its first ${state.k}` : ""}.`;
  return "It has no neighbors in this layer.";
}
function captionOf(state, view) {
  const { layer, subject, row, edges, actives, counts, by } = view;
  const parts = [`layer ${layer.number} of ${subject.depth}`, classWords(row), methodWords(row.method)];
  const own = edges.filter((edge) => edge.hop === 1);
  const about = layer.exact ? "" : "about ";
  const what = ["gin", "sum"].includes(layer.conv) ? "the weight" : "the channels";
  if (!actives.length) parts.push("blank map: no peak");
  else if (view.out) {
    const these = actives.length > 1 ? "these" : "this one";
    parts.push(`${count(own.length, "patch aggregates", "patches aggregate")} from ${these}`);
  } else {
    const there = actives.reduce((sum, { node }) => sum + degree(layer, node), 0);
    const carried = own.length === there ? 1 : own.reduce((sum, edge) => sum + (edge.share || 0), 0) / actives.length;
    const first = own.length < there && state.k && by.order !== "rank" ? `, the largest by ${by.order}` : "";
    parts.push(`${own.length} of ${count(there, "neighbor")} drawn${first}, ${about}${percent(carried)} of ${what}`);
  }
  if (state.hops > 1) parts.push(...hopWords(view, counts.slice(1), about));
  if (state.field === "chosen") parts.push("map: how many patches chose each");
  if (layer.placed === false) parts.push("nodes do not lie where they are drawn");
  return parts.filter(Boolean).join(SEPARATOR);
}
function hopWords({ layer, subject, out }, counts, about) {
  const other = layer.number + (out ? 1 : -1);
  if (other < 1 || other > subject.depth) return [`no further hop: this is the ${out ? "last" : "first"} layer`];
  if (!beside(subject, layer, out ? 1 : -1)) return [`further hops need layer ${other}, which is not in this file`];
  return counts.map(({ layer: at, drawn, total, carried }) => {
    const weight = out ? "" : `, ${about}${percent(carried)} of the weight`;
    return `layer ${at}: ${drawn} of ${count(total, "edge")} drawn${weight}`;
  });
}
function sentenceOf(state, view, node) {
  const { layer, row } = view;
  const order = orderOf(state.order, row.layers[layer.place], layer);
  const asked = { hops: 1, k: state.k, share: state.share, out: view.out, order };
  const { edges } = edgesOf(view.subject, row, layer, node, asked);
  const best = edges.reduce((top, edge) => edge.share > (top?.share ?? 0) ? edge : top, null);
  const who = placeWords(boxOf(layer.grid, node), layer.grid);
  const peak = row.layers[layer.place].peak === node ? ", the peak" : "";
  const [box, grid] = view.out ? [best?.toBox, layer.grid] : [best?.fromBox, layer.key_grid];
  const strongest = best ? `; most: ${placeWords(box, grid)}, ${percent(best.share)} of the channels` : "";
  return `${capital(who)}${peak}. ${capital(neighborWords(view, { node }, edges))}${strongest}.`;
}
function differing(doc) {
  const differ = (values) => new Set(values).size > 1;
  const pictures = doc.subjects.map((subject) => subject.image);
  return {
    image: differ(pictures),
    name: differ(doc.subjects.map((subject) => subject.name)) || doc.subjects.length > new Set(pictures).size,
    method: differ(doc.subjects.flatMap((subject) => subject.rows.map((row) => row.method)))
  };
}
function subjectName(doc, s, { image = true, name = true } = {}) {
  const subject = doc.subjects[s];
  const parts = [image ? doc.images[subject.image].name : "", name ? subject.name || `network ${s + 1}` : ""];
  return parts.filter(Boolean).join(SEPARATOR);
}
function nameOf(doc, { subject: s, target, method }) {
  const many = differing(doc);
  const row = rowOf(doc.subjects[s], target, method);
  return [subjectName(doc, s, many), classWords(row), many.method ? methodWords(row.method) : ""].filter(Boolean).join(SEPARATOR);
}
function spokenWords(state, hovered, view) {
  const { layer, actives } = view;
  if (!actives.length) return captionOf(state, view);
  return `Layer ${layer.number}. ${sentenceOf(state, view, hovered ? nodeAt(layer.grid, ...hovered) : actives[0].node)}`;
}
var patchDistance = ({ x0, y0, x1, y1 }, { grid }) => distanceOn(grid, x0, y0, x1, y1);

// thumbs.js
var SIDE2 = 72;
function drawThumb(canvas, pictures, view, box) {
  canvas.hidden = view.layer.placed === false;
  if (canvas.hidden) return;
  const photograph = pictures.of(view);
  const key = `${view.subject.image} ${keyOf(box)}`;
  if (canvas.dataset.key === key && photograph.complete) return;
  canvas.dataset.key = photograph.complete ? key : "";
  if (canvas.width !== SIDE2) canvas.width = canvas.height = SIDE2;
  if (!photograph.complete || !photograph.naturalWidth) return;
  const [left, top, right, bottom] = view.image.view;
  const [wide, high] = [right - left, bottom - top];
  const part = [left + box[0] * wide, top + box[1] * high, (box[2] - box[0]) * wide, (box[3] - box[1]) * high];
  canvas.getContext("2d").drawImage(photograph, ...part, 0, 0, SIDE2, SIDE2);
}
var PatchList = class {
  /**
   * @param {any} context
   * @param {{ over: (box: number[] | null) => void, go: (box: number[]) => void, deed: string }} deeds `deed` says
   *   what a click does.
   */
  constructor({ h, pictures }, { over, go, deed }) {
    this.h = h;
    this.pictures = pictures;
    this.deeds = { over, go, deed };
    this.wrap = h("ol", { class: "vge-patches" });
    this.lines = [];
  }
  /** @param {any} view @param {{ box: number[], words: string, value: string, part: number }[]} entries */
  draw(view, entries) {
    while (this.lines.length < entries.length) this.add();
    this.lines.forEach((line, i) => {
      const entry = entries[i];
      line.wrap.hidden = !entry;
      line.box = entry?.box ?? null;
      if (!entry) return;
      line.words.textContent = entry.words;
      line.value.textContent = entry.value;
      line.bar.style.width = `${100 * entry.part}%`;
      line.go.setAttribute("aria-label", `${this.deeds.deed}: ${entry.words}`);
      drawThumb(line.thumb, this.pictures, view, entry.box);
    });
  }
  add() {
    const { h, deeds } = this;
    const line = { box: null };
    const over = () => deeds.over(line.box);
    const out = () => deeds.over(null);
    const parts = {
      thumb: h("canvas", { class: "vge-thumb", "aria-hidden": "true" }),
      words: h("span"),
      value: h("span", { class: "vge-patch-value" }),
      bar: h("i")
    };
    const click = () => line.box && deeds.go(line.box);
    const go = h(
      "button",
      { type: "button", class: "vge-go", title: deeds.deed, on: { click, focus: over, blur: out } },
      parts.thumb
    );
    const words = h("div", { class: "vge-patch-words" }, parts.words, h("span", { class: "vge-meter" }, parts.bar));
    const wrap = h("li", { on: { pointerenter: over, pointerleave: out } }, go, words, parts.value);
    this.wrap.append(wrap);
    this.lines.push(Object.assign(line, parts, { go, wrap }));
  }
};

// alike.js
var UNKNOWN = "How this layer ranks its candidates is not known, or this file was written without them.";
function candidatesOf(layer, node) {
  if (!layer.candidates) return [];
  const each = layer.candidates.length / (layer.grid[0] * layer.grid[1]);
  const last = Math.max(...layer.distance.subarray(node * layer.k, (node + 1) * layer.k));
  return Array.from({ length: each }, (_, i) => node * each + i).filter((place) => layer.candidates[place] >= 0).map((place) => {
    const [key, distance] = [layer.candidates[place], layer.candidate_distance[place]];
    return { key, distance, box: boxOf(layer.key_grid, key), nearer: distance < last };
  });
}
var Alike = class {
  constructor(context) {
    const { h, store } = context;
    this.store = store;
    this.words = h("p", { class: "vge-note" });
    const over = (box) => {
      store.hovered = box ? spotOf(box) : null;
      store.later("over");
    };
    const go = (box) => store.update({ pins: [spotOf(box)] });
    this.list = new PatchList(context, { over, go, deed: "Go to this patch" });
    this.wrap = h("div", { class: "vge-side" }, this.words, this.list.wrap);
  }
  draw(view) {
    const [active] = view.actives;
    const entries = active ? candidatesOf(view.layer, active.node) : [];
    if (!active) this.words.textContent = "Point at a patch.";
    else if (!entries.length) this.words.textContent = UNKNOWN;
    else {
      const { distance, k } = view.layer;
      const last = Math.max(...distance.subarray(active.node * k, (active.node + 1) * k));
      const nearer = entries.filter((entry) => entry.nearer).length;
      const left = nearer ? ` ${count(nearer, "nearer one was", "nearer ones were")} left out by dilation.` : "";
      const where = placeWords(boxOf(view.layer.grid, active.node), view.layer.grid);
      this.words.textContent = `Most like ${where}, and not among its neighbors. Its last neighbor is ${number(last)} away.${left}`;
    }
    const top = Math.max(1e-12, ...entries.map((entry) => known(entry.distance) ? entry.distance : 0));
    this.list.draw(
      view,
      entries.map(({ box, distance, nearer }) => ({
        box,
        words: placeWords(box, view.layer.key_grid) + (nearer ? ", left out by dilation" : ""),
        value: number(distance),
        part: distance / top
      }))
    );
  }
};

// command.js
function commandOf(state, { subject, row }) {
  if (!subject.command)
    return { line: "", lacks: "There is no command line for this network: vizgraph did not load it." };
  if (state.out) {
    return { line: "", lacks: "No command line draws who aggregates from a patch: save the picture instead." };
  }
  const words = [...subject.command, "--layers", String(state.layer), "--k", state.k ? String(state.k) : "all"];
  if (row.target >= 0) words.push("--target", String(row.target));
  if (row.versus !== null) words.push("--versus", String(row.versus));
  words.push("--method", row.method);
  for (const pin of state.pins) words.push("--center", pin.join());
  if (state.hops > 1) words.push("--hops", String(state.hops));
  if (state.order !== DEFAULTS.order) words.push("--order", state.order);
  if (state.width !== DEFAULTS.width) words.push("--edge-width", state.width);
  if (state.color !== DEFAULTS.color) words.push("--color", state.color);
  words.push("--canvas", state.canvas);
  if (state.palette !== DEFAULTS.palette) words.push("--palette", state.palette);
  return { line: words.map(quoted).join(" "), lacks: lacksOf(state) };
}
function lacksOf(state) {
  const parts = [
    state.with ? "the second picture" : "",
    state.share > 0 ? "the least share" : "",
    state.field === "chosen" ? "how often patches are chosen" : "",
    state.zoom > 1 ? "the zoom" : ""
  ].filter(Boolean);
  return parts.length ? `The command draws this view without ${parts.join(", ")}.` : "";
}
var fileName = (state, { image }) => `${image.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 80) || "image"}_layer_${state.layer}`;

// document.js
var ARRAYS = { int16: Int16Array, int32: Int32Array, uint16: Uint16Array };
var UNKNOWN2 = { int16: -32768, uint16: 65535 };
function unpack(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const raw = new ARRAYS[packed.type](bytes.buffer);
  if (packed.scale === void 0) return raw;
  const values = new Float32Array(raw.length);
  const unknown = UNKNOWN2[packed.type];
  for (let i = 0; i < raw.length; i++) values[i] = raw[i] === unknown ? NaN : raw[i] * packed.scale;
  return values;
}
function lazily(holder, packed) {
  for (const [key, value] of Object.entries(packed)) {
    let array = null;
    Object.defineProperty(holder, key, { enumerable: true, get: () => array ??= unpack(value) });
  }
  return holder;
}
function regionsOf({ corners: corners2, counts, loops, middles, spots, ...plain }) {
  const arrays = Object.entries({ corners: corners2, counts, loops, middles, spots }).map(([key, packed]) => [
    key,
    unpack(packed)
  ]);
  return new Regions({ ...plain, key: corners2.data, ...Object.fromEntries(arrays) });
}
function opened(doc) {
  if (doc.format !== 1) throw new Error(`this explorer reads documents of format 1 (got ${doc.format})`);
  const subjects = doc.subjects.map((subject) => {
    const regions = (subject.regions ?? []).map((packed) => regionsOf(packed));
    const layers = subject.layers.map((layer, place) => {
      const { neighbors, share, distance, candidates, candidate_distance, ...plain } = layer;
      const arrays = Object.entries({ neighbors, share, distance, candidates, candidate_distance });
      const packed = Object.fromEntries(arrays.filter(([, array]) => array));
      if (plain.regions !== void 0) {
        const grid = Object.assign([...plain.grid], { regions: regions[plain.regions] });
        Object.assign(plain, { grid, key_grid: grid });
      }
      return lazily({ ...plain, place, listeners: null }, packed);
    });
    const rows = subject.rows.map((row) => ({
      ...row,
      layers: row.layers.map(({ peak, ...packed }) => lazily({ peak }, packed))
    }));
    return { ...subject, layers, rows };
  });
  return { ...doc, subjects };
}

// svg.js
var SVG = "http://www.w3.org/2000/svg";
function svgNode(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, typeof value === "number" ? String(Number(value.toFixed(3))) : value);
  }
  node.append(...children);
  return node;
}
function svgShapes(shapes) {
  const round = (value) => Number(value.toFixed(2));
  return shapes.map((shape) => {
    const look = { fill: shape.fill ?? "none", opacity: shape.alpha };
    if (shape.stroke) {
      const width = shape.fill ? 2 * shape.width : shape.width;
      Object.assign(look, {
        stroke: shape.stroke,
        "stroke-width": width,
        "stroke-linejoin": "round",
        "paint-order": "stroke"
      });
    }
    if (shape.type === "rect")
      return svgNode("rect", { ...look, x: shape.x, y: shape.y, width: shape.w, height: shape.h });
    if (shape.type === "circle") return svgNode("circle", { ...look, cx: shape.x, cy: shape.y, r: shape.r });
    const line = (points) => `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}Z`;
    const node = svgNode("path", { ...look, d: (shape.loops ?? [shape.points]).map(line).join("") });
    if (shape.edge) {
      const { edge } = shape;
      for (const key of ["layer", "from", "to", "rank", "hop"]) node.setAttribute(`data-${key}`, String(edge[key]));
      node.append(svgNode("title", {}, edgeWords(edge)));
    }
    return node;
  });
}

// dom.js
function elements(signal) {
  return function h(tag, { on = {}, data = {}, ...properties } = {}, ...children) {
    const node = (
      /** @type {any} */
      document.createElement(tag)
    );
    for (const [key, value] of Object.entries(properties)) {
      if (value === false || value === null || value === void 0) continue;
      if (key === "class") node.className = value;
      else if (key in node && !key.includes("-") && key !== "list") node[key] = value;
      else node.setAttribute(key, value === true ? "" : String(value));
    }
    for (const [key, value] of Object.entries(data)) node.dataset[key] = value;
    for (const [key, callback] of Object.entries(on)) node.addEventListener(key, callback, { signal });
    node.append(...children.filter((child) => child !== null));
    return node;
  };
}
var icon = (path) => {
  const node = svgNode("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svgNode("path", { d: path }));
  node.classList.add("vge-icon");
  return node;
};
function mark(button, on) {
  button.setAttribute("aria-checked", String(on));
  button.tabIndex = on ? 0 : -1;
}
function roving(group, signal) {
  group.addEventListener(
    "keydown",
    (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const all = [...group.querySelectorAll("[role=radio]:not(:disabled)")];
      const at = all.indexOf(event.target);
      if (!step || at < 0) return;
      event.preventDefault();
      event.stopPropagation();
      const next = all[(at + step + all.length) % all.length];
      next.click();
      next.focus();
    },
    { signal }
  );
}
function widgets(h, signal) {
  const option = (value, text) => h("option", { value, textContent: text });
  const labeled = (text, ...more) => h("span", { class: "vge-label" }, text, ...more);
  return {
    option,
    segmented(label, title, choices, chosen) {
      const group = h("div", { class: "vge-segments", role: "radiogroup", "aria-label": label });
      const buttons = choices.map(([value, text]) => {
        const on = { click: () => chosen(value) };
        return h("button", { type: "button", role: "radio", textContent: text, data: { value: String(value) }, on });
      });
      group.append(...buttons);
      roving(group, signal);
      const show = (value) => {
        buttons.forEach((button, i) => {
          mark(button, choices[i][0] === value);
        });
      };
      return { wrap: h("div", { class: "vge-control", title }, labeled(label), group), buttons, show };
    },
    range(label, title, properties, input) {
      const field = h("input", {
        type: "range",
        ...properties,
        on: { input: () => input(Number(field.value), field) }
      });
      const value = h("span", { class: "vge-value" });
      return { wrap: h("label", { class: "vge-control", title }, labeled(`${label} `, value), field), field, value };
    },
    toggle(label, title, changed) {
      const field = h("input", { type: "checkbox", on: { change: () => changed(field.checked) } });
      return { wrap: h("label", { class: "vge-check", title }, field, h("span", { textContent: label })), field };
    },
    choice(label, title, entries, changed) {
      const options = entries.map(([value, text]) => option(value, text));
      const select = h("select", { on: { change: () => changed(select.value) } }, ...options);
      return { wrap: h("label", { class: "vge-control", title }, labeled(label), select), select };
    },
    picker(label, title, changed) {
      const select = h("select", { on: { change: () => changed(select.value) } });
      return { wrap: h("label", { class: "vge-picker", title }, h("span", { textContent: label }), select), select };
    },
    button: (text, title, click) => h("button", { type: "button", textContent: text, title, on: { click } }),
    definitions: (entries) => h(
      "dl",
      { class: "vge-definitions" },
      ...entries.flatMap(([word, text]) => [h("dt", { textContent: word }), h("dd", { textContent: text })])
    )
  };
}

// canvas.js
function paintShapes(context, shapes) {
  context.lineJoin = "round";
  for (const shape of shapes) {
    context.globalAlpha = shape.alpha;
    context.beginPath();
    if (shape.type === "rect") context.rect(shape.x, shape.y, shape.w, shape.h);
    else if (shape.type === "circle") context.arc(shape.x, shape.y, shape.r, 0, 2 * Math.PI);
    else if (shape.type === "loops") {
      for (const loop of shape.loops) {
        context.moveTo(...loop[0]);
        for (const [x, y] of loop) context.lineTo(x, y);
        context.closePath();
      }
    } else {
      for (const [x, y] of shape.points) context.lineTo(x, y);
      context.closePath();
    }
    if (shape.stroke) {
      context.strokeStyle = shape.stroke;
      context.lineWidth = shape.fill ? 2 * shape.width : shape.width;
      context.setLineDash(shape.dash ?? []);
      context.stroke();
    }
    if (shape.fill) {
      context.fillStyle = shape.fill;
      context.fill();
    }
  }
  context.globalAlpha = 1;
}

// heatmap.js
var SMOOTH_SIDE = 112;
var tables = /* @__PURE__ */ new Map();
function tableOf(palette) {
  if (!tables.has(palette)) {
    tables.set(
      palette,
      Array.from({ length: 256 }, (_, i) => colorAt(PALETTES[palette], i / 255))
    );
  }
  return tables.get(palette);
}
var largest = (values) => values.reduce((top, value) => Number.isFinite(value) ? Math.max(top, value) : top, 0);
function chosenBy(layer) {
  const { starts } = listenersOf(layer);
  const times = Float32Array.from({ length: starts.length - 1 }, (_, key) => starts[key + 1] - starts[key]);
  if (layer.grid.join() !== layer.key_grid.join()) return times;
  layer.neighbors.forEach((key, place) => {
    if (key === Math.floor(place / layer.k)) times[key]--;
  });
  return times;
}
function fieldOf(state, { row, layer }) {
  if (state.field === "chosen") {
    const values = chosenBy(layer);
    return { values, grid: layer.key_grid, top: largest(values) };
  }
  const maps = row.layers;
  const top = state.scale === "shared" ? Math.max(...maps.map((each) => largest(each.cam))) : largest(maps[layer.place].cam);
  return { values: maps[layer.place].cam, grid: layer.grid, top };
}
function enlarge(values, rows, cols, factor) {
  const wide = cols * factor;
  const result = new Float32Array(rows * wide);
  for (let c = 0; c < wide; c++) {
    const x = (c + 0.5) / factor - 0.5;
    const base = Math.floor(x);
    for (let tap = base - 1; tap <= base + 2; tap++) {
      const weight = cubic(x - tap);
      const source = Math.min(cols - 1, Math.max(0, tap));
      for (let r = 0; r < rows; r++) result[r * wide + c] += weight * values[r * cols + source];
    }
  }
  return result;
}
function cubic(t) {
  const x = Math.abs(t);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
function transpose(values, rows, cols) {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = values[r * cols + c];
  return result;
}
function heatPixels(map, [rows, cols], top, palette, smooth) {
  let field = Float32Array.from(map, (value) => Number.isFinite(value) && top > 0 ? value / top : 0);
  const factor = smooth ? Math.max(1, Math.ceil(SMOOTH_SIDE / Math.max(rows, cols))) : 1;
  if (factor > 1) {
    field = enlarge(field, rows, cols, factor);
    field = enlarge(transpose(field, rows, cols * factor), cols * factor, rows, factor);
    field = transpose(field, cols * factor, rows * factor);
  }
  const pixels = new Uint8ClampedArray(4 * field.length);
  const table = tableOf(palette);
  field.forEach((value, i) => {
    const level = Math.min(1, Math.max(0, value));
    pixels.set([...table[Math.round(level * 255)], Math.round(255 * level)], 4 * i);
  });
  return { pixels, width: cols * factor, height: rows * factor };
}
function heatCanvas(...given) {
  const [map, grid, top, palette] = given;
  if (grid.regions) {
    return grid.regions.painted((node) => {
      const level = Number.isFinite(map[node]) && top > 0 ? Math.min(1, Math.max(0, map[node] / top)) : 0;
      return `rgb(${tableOf(palette)[Math.round(level * 255)].join(" ")} / ${level})`;
    });
  }
  const { pixels, width, height } = heatPixels(...given);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

// curves.js
var BENDS = [0.14, -0.14, 0.05, -0.05, 0.25, -0.25, 0.36, -0.36, 0.48, -0.48, 0];
var MOST_APART = 40;
var STEPS = 16;
var controlOf = (x0, y0, x1, y1, bend, aspect = 1) => [
  (x0 + x1) / 2 - bend * (y1 - y0) / aspect,
  (y0 + y1) / 2 + bend * (x1 - x0) * aspect
];
function leaves(edge, bend, aspect) {
  const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, bend, aspect);
  let out = 0;
  for (let i = 1; i < STEPS; i++) {
    const [x, y] = along([edge.x0, edge.y0, cx, cy, edge.x1, edge.y1], i / STEPS);
    out = Math.max(out, -x, x - 1, -y, y - 1);
  }
  return out;
}
function fan(edges, aspect = 1) {
  const meeting = /* @__PURE__ */ new Map();
  for (const edge of edges) {
    const key = `${edge.x1},${edge.y1}`;
    if (!meeting.has(key)) meeting.set(key, []);
    meeting.get(key).push(edge);
  }
  for (const group of meeting.values()) {
    if (group.length > MOST_APART) {
      for (const edge of group) edge.bend = BENDS.find((bend) => leaves(edge, bend, aspect) === 0) ?? 0;
    } else spread(group, aspect);
  }
}
function spread(group, aspect) {
  const apart = Math.min(0.5, 0.9 * 2 * Math.PI / group.length);
  const taken = [];
  const length = (edge) => Math.hypot((edge.x1 - edge.x0) * aspect, edge.y1 - edge.y0);
  for (const edge of [...group].sort((a, b) => length(a) - length(b) || a.from - b.from)) {
    let best = Infinity;
    for (const bend of BENDS) {
      if (bend && leaves(edge, bend, aspect) > 0) continue;
      const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, bend, aspect);
      const angle = Math.atan2(cy - edge.y1, (cx - edge.x1) * aspect);
      let cost = 1.5 * (Math.abs(bend) - 0.14) ** 2 + (bend < 0 ? 1e-3 : 0);
      for (const other of taken) {
        const gap = Math.abs((angle - other + 3 * Math.PI) % (2 * Math.PI) - Math.PI);
        cost += Math.max(0, 1 - gap / apart) ** 2;
      }
      if (cost < best) {
        best = cost;
        edge.bend = bend;
        edge.arrival = angle;
      }
    }
    taken.push(edge.arrival);
  }
}
function along([x0, y0, cx, cy, x1, y1], t) {
  const s = 1 - t;
  return [s * s * x0 + 2 * s * t * cx + t * t * x1, s * s * y0 + 2 * s * t * cy + t * t * y1];
}
function trimmed(points, skip, spare) {
  const line = Array.from({ length: 2 * STEPS + 1 }, (_, i) => along(points, i / (2 * STEPS)));
  const ends = [];
  let total = 0;
  line.forEach(([x, y], i) => {
    if (i) total += Math.hypot(x - line[i - 1][0], y - line[i - 1][1]);
    ends.push(total);
  });
  const place = (length) => {
    const i = Math.max(
      1,
      ends.findIndex((end) => end >= length)
    );
    const part = (length - ends[i - 1]) / (ends[i] - ends[i - 1] || 1);
    return line[i].map((value, axis) => line[i - 1][axis] + part * (value - line[i - 1][axis]));
  };
  const first = Math.min(skip, 0.45 * total);
  const last = Math.max(total - spare, total - 0.45 * total);
  return [place(first), ...line.filter((_, i) => ends[i] > first && ends[i] < last), place(last)];
}
function arrow(line, width, head) {
  const total = line.reduce((sum, [x, y], i) => i ? sum + Math.hypot(x - line[i - 1][0], y - line[i - 1][1]) : 0, 0);
  const neck = Math.max(0.35 * total, total - (head?.long ?? 0));
  const left = [];
  const right = [];
  const side = ([x, y], [dx, dy], half) => {
    left.push([x - dy * half, y + dx * half]);
    right.push([x + dy * half, y - dx * half]);
  };
  let done = 0;
  for (let i = 0; i < line.length; i++) {
    const [before, after] = [line[Math.max(0, i - 1)], line[Math.min(line.length - 1, i + 1)]];
    if (i) done += Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]);
    const direction = unit(before, after);
    const half = width / 2 * (1 - 0.5 * (done / (total || 1)));
    if (!head || done < neck) side(line[i], direction, half);
    else {
      const step = Math.hypot(line[i][0] - before[0], line[i][1] - before[1]) || 1;
      const back = (done - neck) / step;
      const foot = [line[i][0] + (before[0] - line[i][0]) * back, line[i][1] + (before[1] - line[i][1]) * back];
      side(foot, direction, half);
      side(foot, direction, Math.max(head.wide, half));
      return [...left, line[line.length - 1], ...right.reverse()];
    }
  }
  return [...left, ...right.reverse()];
}
function unit([x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  return [(x1 - x0) / length, (y1 - y0) / length];
}

// scene.js
var DOT = { radius: 3.6, most: 0.13 };
var SPECK = { radius: 2.4, most: 0.1 };
var STAR = { radius: 9, most: 0.38 };
var IDLE_STAR = { radius: 9, most: 0.7 };
var DIAMOND = { radius: 7, most: 0.36 };
var RING = { radius: 13, most: 0.48 };
var PALE = 0.35;
var widthOf = (strength) => 1.4 + 11 * Math.min(1, Math.max(0, strength));
var opacityOf = (strength) => 0.55 + 0.45 * Math.min(1, strength / 0.2);
var strongOf = (view, edge) => strengthOf(edge, view.by.width, view.by.top);
var cellOf = (box) => box.cell ?? [box[2] - box[0], box[3] - box[1]];
function sceneOf(view, { mini = false } = {}) {
  const colorOf = edgeColors(view);
  const drawn = view.edges.filter((edge) => !edge.itself).sort((a, b) => b.hop - a.hop || strongOf(view, a) - strongOf(view, b));
  const ringed = new Set(view.edges.filter((edge) => edge.itself && edge.hop === 1).map((edge) => edge.center));
  if (mini) return [...drawn.map((edge) => miniEdge(view, edge, colorOf)), ...miniCenters(view)];
  return [
    ...patchMarks(view, colorOf),
    ...drawn.map((edge) => edgeMark(view, edge, colorOf, ringed)),
    ...dotMarks(view, drawn, colorOf),
    ...centerMarks(view, colorOf)
  ];
}
function patchMarks(view, colorOf) {
  const { layer, actives, edges, hover, lit, theme } = view;
  const marks = (view.alike ?? []).map(({ box }) => ({ kind: "box", box, color: theme.muted, width: 1.2, dash: true }));
  const pooled = layer.grid.join() !== layer.key_grid.join();
  for (const edge of edges) {
    if (edge.hop > 1 || edge.itself || !(pooled || edge === lit)) continue;
    const box = view.out ? edge.toBox : edge.fromBox;
    marks.push({ kind: "box", box, color: colorOf(edge), width: edge === lit ? 2.6 : 1.2 });
  }
  for (const { box, color } of actives) marks.push({ kind: "box", box, color, width: 1.6 });
  if (hover && !actives.some((active) => sameBox(active.box, hover))) {
    marks.push({ kind: "box", box: hover, color: theme.ink, width: 1.6 });
  }
  return marks.map((mark2) => ({ ...mark2, casing: theme.casing, alpha: 1 }));
}
function edgeMark(view, edge, colorOf, ringed) {
  const { lit, theme, out } = view;
  const near = edge.hop === 1;
  const small = near ? DOT : SPECK;
  const center = centerMark(view, edge, ringed);
  const ends = near ? out ? [center, small] : [small, center] : [small, out ? small : DOT];
  const boxes = [edge.fromBox, edge.toBox];
  return {
    kind: "edge",
    edge,
    casing: theme.casing,
    color: colorOf(edge),
    points: curveOf(edge, view.aspect),
    gaps: ends.map((mark2, i) => ({ ...mark2, cell: cellOf(boxes[i]), part: mark2 === small && i === 0 ? 0.6 : 1 })),
    width: (near ? 1 : 0.62) * widthOf(strongOf(view, edge)) + (edge === lit ? 1.5 : 0),
    most: 0.26,
    cell: cellOf(edge.fromBox),
    alpha: (lit && edge !== lit ? 0.45 : 1) * (near ? 1 : 0.75 ** (edge.hop - 1)) * opacityOf(strongOf(view, edge))
  };
}
function centerMark({ layer, row, out }, edge, ringed) {
  if (ringed.has(edge.center)) return RING;
  return row.layers[layer.place].peak === (out ? edge.from : edge.to) ? STAR : DIAMOND;
}
function curveOf({ x0, y0, x1, y1, bend }, aspect) {
  const [cx, cy] = controlOf(x0, y0, x1, y1, bend, aspect);
  return [x0, y0, cx, cy, x1, y1];
}
function dotMarks(view, edges, colorOf) {
  const seen = /* @__PURE__ */ new Set();
  const marks = [];
  for (const edge of edges) {
    const box = view.out ? edge.toBox : edge.fromBox;
    const key = `${keyOf(box)},${edge.hop}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const [x, y] = centerOf(box);
    const size = edge.hop === 1 ? DOT : SPECK;
    marks.push({
      kind: "dot",
      x,
      y,
      ...size,
      cell: cellOf(box),
      fill: colorOf(edge),
      rim: view.theme.casing,
      alpha: 1
    });
  }
  return marks;
}
function centerMarks(view, colorOf) {
  const { layer, row, actives, edges, theme } = view;
  const marks = [];
  const { peak } = row.layers[layer.place];
  const cell = cellOf(boxOf(layer.grid, 0));
  for (const active2 of actives) {
    const own = edges.find((edge) => edge.itself && edge.hop === 1 && sameBox(edge.toBox, active2.box));
    const at = { x: active2.x, y: active2.y, cell };
    if (own)
      marks.push({
        kind: "ring",
        ...at,
        ...RING,
        color: colorOf(own),
        width: widthOf(strongOf(view, own)),
        casing: theme.casing
      });
    if (active2.node !== peak) marks.push({ kind: "diamond", ...at, ...DIAMOND, fill: active2.color, rim: theme.rim });
  }
  if (peak < 0) return marks;
  const [x, y] = centerOf(boxOf(layer.grid, peak));
  const active = actives.find((each) => each.node === peak);
  const fill = active && actives.length > 1 ? active.color : theme.peak;
  return [...marks, { kind: "star", x, y, cell, ...active ? STAR : IDLE_STAR, fill, rim: theme.rim }];
}
function miniEdge(view, edge, colorOf) {
  const points = curveOf(edge, 1);
  const gap = { radius: 0, most: 1, cell: [1, 1], part: 1 };
  return {
    kind: "edge",
    points,
    gaps: [gap, gap],
    color: colorOf(edge),
    width: 7 + 16 * strongOf(view, edge),
    most: 1,
    cell: [1, 1],
    alpha: 1,
    headless: true
  };
}
function miniCenters({ actives, layer, row, theme }) {
  const { peak } = row.layers[layer.place];
  const cell = [1, 1];
  const marks = actives.filter((active) => active.node !== peak).map(({ x: x2, y: y2, color }) => ({ kind: "diamond", x: x2, y: y2, cell, radius: 36, most: 1, fill: color, rim: theme.rim }));
  if (peak < 0) return marks;
  const [x, y] = centerOf(boxOf(layer.grid, peak));
  return [...marks, { kind: "star", x, y, cell, radius: 48, most: 1, fill: theme.peak, rim: theme.rim }];
}
function edgeColors(view) {
  const { theme, edges } = view;
  const by = view.by.color;
  const top = topOf(edges, by === "rank" ? "nth" : by);
  const plain = (edge) => {
    if (by === "center") return theme.centers[edge.center % theme.centers.length];
    if (by === "share") return css(colorAt(PALETTES.cividis, known(edge.share) ? 0.3 + 0.7 * edge.share : 0));
    if (by === "rank") return css(colorAt(PALETTES.cividis, 1 - 0.7 * Math.max(0, edge.nth - 1) / top));
    return css(colorAt(theme.diverging, 0.5 + (known(edge[by]) ? 0.5 * edge[by] / top : 0)));
  };
  return (edge) => edge.hop > 1 ? toward(plain(edge), theme.veil, PALE) : plain(edge);
}

// shapes.js
var corners = (x, y, radius, points, inner) => Array.from({ length: 2 * points }, (_, i) => {
  const r = i % 2 ? radius * inner : radius;
  const angle = -Math.PI / 2 + i * Math.PI / points;
  return [x + r * Math.cos(angle), y + r * Math.sin(angle)];
});
function shapesOf(marks, frame) {
  return marks.flatMap((mark2) => SHAPES[mark2.kind](mark2, new Scale(frame)));
}
var Scale = class {
  constructor({ left, top, width, height, unit: unit2 }) {
    this.left = left;
    this.top = top;
    this.width = width;
    this.height = height;
    this.unit = unit2;
  }
  at(x, y) {
    return [this.left + x * this.width, this.top + y * this.height];
  }
  rect(box) {
    const [x, y] = this.at(box[0], box[1]);
    return { x, y, w: (box[2] - box[0]) * this.width, h: (box[3] - box[1]) * this.height };
  }
  /** Points of a flat list x, y, ... */
  line(loop) {
    return Array.from({ length: loop.length / 2 }, (_, i) => this.at(loop[2 * i], loop[2 * i + 1]));
  }
  /** `size` units, but no more than the part `most` of the shorter side of a patch. */
  size(size, { most, cell }) {
    return Math.min(size * this.unit, most * Math.min(cell[0] * this.width, cell[1] * this.height));
  }
};
var SHAPES = {
  box(mark2, scale) {
    const rect = mark2.box.loops ? { type: "loops", loops: mark2.box.loops.map((loop) => scale.line(loop)) } : { type: "rect", ...scale.rect(mark2.box) };
    const width = mark2.width * scale.unit;
    return [
      { ...rect, stroke: mark2.casing, width: width + 1.6 * scale.unit, alpha: 0.7 },
      {
        ...rect,
        stroke: mark2.color,
        width,
        alpha: mark2.alpha,
        dash: mark2.dash ? [3 * scale.unit, 3 * scale.unit] : null
      }
    ];
  },
  edge(mark2, scale) {
    const points = mark2.points.map((value, i) => i % 2 ? scale.at(0, value)[1] : scale.at(value, 0)[0]);
    const [skip, spare] = mark2.gaps.map((gap) => gap.part * scale.size(gap.radius, gap));
    const line = trimmed(points, skip, spare + 1.5 * Math.min(1, spare) * scale.unit);
    const width = scale.size(mark2.width, mark2);
    const least = Math.min(6.5 * scale.unit, 0.22 * Math.min(mark2.cell[0] * scale.width, mark2.cell[1] * scale.height));
    const head = mark2.headless ? null : { long: Math.max(least, 1.9 * width), wide: Math.max(0.55 * least, 0.95 * width) };
    const polygon = { type: "polygon", points: arrow(line, width, head), alpha: mark2.alpha, edge: mark2.edge };
    const casing = mark2.casing ? { stroke: mark2.casing, width: Math.min(1.8 * scale.unit, Math.max(0.8, 0.6 * width)) } : {};
    return [{ ...polygon, fill: mark2.color, ...casing }];
  },
  dot(mark2, scale) {
    const r = scale.size(mark2.radius, mark2);
    const [x, y] = scale.at(mark2.x, mark2.y);
    return [
      {
        type: "circle",
        x,
        y,
        r,
        fill: mark2.fill,
        stroke: mark2.rim,
        width: Math.min(1.4 * scale.unit, r / 1.5),
        alpha: mark2.alpha
      }
    ];
  },
  ring(mark2, scale) {
    const r = scale.size(mark2.radius, mark2);
    const [x, y] = scale.at(mark2.x, mark2.y);
    const width = Math.min(mark2.width * scale.unit, 0.4 * r);
    return [
      { type: "circle", x, y, r, stroke: mark2.casing, width: width + 1.4 * scale.unit, alpha: 0.8 },
      { type: "circle", x, y, r, stroke: mark2.color, width, alpha: 1 }
    ];
  },
  star: (mark2, scale) => pointed(mark2, scale, 5, 0.45),
  diamond: (mark2, scale) => pointed(mark2, scale, 2, 0.72)
};
function pointed(mark2, scale, points, inner) {
  const r = scale.size(mark2.radius, mark2);
  const shape = { type: "polygon", points: corners(...scale.at(mark2.x, mark2.y), r, points, inner) };
  return [{ ...shape, fill: mark2.fill, stroke: mark2.rim, width: Math.min(1.4 * scale.unit, 0.25 * r), alpha: 1 }];
}

// legend.js
var SHARES = [0.05, 0.25, 0.5];
var PARTS = [0.1, 0.5, 1];
function barsOf(state, view) {
  return { map: mapBar(state, view), edge: edgeBar(view) };
}
var shade = (color) => Array.from({ length: 9 }, (_, i) => css(color(i / 8)));
function mapBar(state, view) {
  const label = state.field === "chosen" ? "chosen by" : "map";
  const stops = shade((value) => colorAt(PALETTES[state.palette], value));
  return { label, low: "0", high: number(fieldOf(state, view).top), stops, sharp: false };
}
function edgeBar(view) {
  const { theme, actives, edges } = view;
  const label = view.by.color;
  if (label === "share") {
    return {
      label,
      low: "0",
      high: percent(1),
      stops: shade((value) => colorAt(PALETTES.cividis, 0.3 + 0.7 * value)),
      sharp: false
    };
  }
  if (label === "center") {
    const stops = actives.length ? actives.map(({ color }) => color) : [theme.muted];
    return { label, low: "", high: "", stops, sharp: true };
  }
  if (label === "rank") {
    const stops = shade((value) => colorAt(PALETTES.cividis, 1 - 0.7 * value));
    return { label, low: "1", high: String(topOf(edges, "nth")), stops, sharp: false };
  }
  const top = edges.length ? topOf(edges, label) : null;
  const ends = top === null ? ["−", "+"] : [number(-top, true), number(top, true)];
  return { label, low: ends[0], high: ends[1], stops: shade((value) => colorAt(theme.diverging, value)), sharp: false };
}
function keyOf2(view) {
  const { actives, row, layer, edges } = view;
  const { peak } = row.layers[layer.place];
  const entries = samplesOf(view.by);
  if (peak >= 0) entries.push({ kind: "star", words: "peak", width: 0 });
  if (actives.some((active) => active.node !== peak)) entries.push({ kind: "diamond", words: "kept patch", width: 0 });
  if (edges.some((edge) => edge.itself && edge.hop === 1)) entries.push({ kind: "ring", words: "itself", width: 0 });
  return entries;
}
function samplesOf({ width: by, top }) {
  if (by === "share") return SHARES.map((share) => ({ kind: "width", words: percent(share), width: widthOf(share) }));
  const values = by === "rank" ? [.../* @__PURE__ */ new Set([1, Math.ceil(top / 2), top])] : PARTS.map((part) => part * top);
  return values.map((value) => {
    const strength = strengthOf({ [by]: value, nth: value, hop: 1 }, by, top);
    return { kind: "width", words: number(value), width: widthOf(strength) };
  });
}
var widthWords = (view) => `width: ${WIDTH_WORDS[view.by.width]}`;
var gradient = ({ stops, sharp }) => {
  const part = 100 / stops.length;
  const words = sharp ? stops.map((color, i) => `${color} ${i * part}% ${(i + 1) * part}%`) : stops;
  return `linear-gradient(90deg, ${words.join(", ")})`;
};
function keyElements(h, view) {
  const label = h("span", { textContent: widthWords(view) });
  const entries = keyOf2(view).map((entry) => {
    const wide = entry.kind === "width" ? 34 : 16;
    const node = svgNode("svg", { viewBox: `0 0 ${wide} 16`, width: wide, height: 16, "aria-hidden": "true" });
    node.append(...svgShapes(keyShapes(entry, view, { left: 0, top: 0 })));
    return h("span", { class: "vge-legend-item" }, node, h("span", { textContent: entry.words }));
  });
  return [label, ...entries];
}
function keyShapes({ kind, width }, view, { left, top }) {
  const { theme } = view;
  const cell = [1, 1];
  const common = { x: 0.5, y: 0.5, cell, most: 1 };
  const gap = { radius: 0, most: 1, cell, part: 1 };
  const looks = {
    width: {
      kind: "edge",
      points: [0, 0.5, 0.5, 0.5, 1, 0.5],
      gaps: [gap, gap],
      width,
      most: 1,
      cell,
      color: theme.muted,
      alpha: 1
    },
    star: { ...common, kind: "star", radius: 7, fill: theme.peak, rim: theme.rim },
    diamond: { ...common, kind: "diamond", radius: 6, fill: view.actives[0]?.color ?? theme.peak, rim: theme.rim },
    ring: { ...common, kind: "ring", radius: 6, width: 2, color: theme.muted, casing: theme.casing }
  };
  return shapesOf([looks[kind]], { left, top, width: kind === "width" ? 34 : 16, height: 16, unit: 1 });
}
var Legend = class {
  constructor(h) {
    const make = () => {
      const parts = { label: h("span"), low: h("span"), bar: h("span", { class: "vge-bar" }), high: h("span") };
      return { ...parts, wrap: h("span", { class: "vge-legend-item" }, parts.label, parts.low, parts.bar, parts.high) };
    };
    this.map = make();
    this.edge = make();
    this.wrap = h("div", { class: "vge-legend", "aria-hidden": "true" }, this.map.wrap, this.edge.wrap);
  }
  draw(state, view) {
    for (const [name, bar] of Object.entries(barsOf(state, view))) {
      const item = this[name];
      for (const part of ["label", "low", "high"]) item[part].textContent = bar[part];
      item.bar.style.background = gradient(bar);
    }
  }
};

// painting.js
function shownOf(image, [height, width], canvas) {
  if (canvas !== "input")
    return { crop: [0, 0, image.width, image.height], width: image.width, height: image.height, view: image.view };
  return { crop: image.view, width, height, view: [0, 0, width, height] };
}
function frameOf(shown, width, { zoom = 1, at = [0.5, 0.5] } = {}) {
  const scale = width / shown.width * zoom;
  const tall = width * shown.height / shown.width;
  const [wide, high] = [shown.width * scale, shown.height * scale];
  const clip = (value, least) => Math.min(0, Math.max(least, value));
  const x = clip(width / 2 - at[0] * wide, width - wide);
  const y = clip(tall / 2 - at[1] * high, tall - high);
  const [left, top, right, bottom] = shown.view;
  return {
    left: x + left * scale,
    top: y + top * scale,
    width: (right - left) * scale,
    height: (bottom - top) * scale,
    unit: width / 640,
    picture: { x, y, width: wide, height: high },
    outer: { width, height: tall }
  };
}
function sized(canvas, stage) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const width = Math.max(1, Math.round(stage.clientWidth * ratio));
  const height = Math.max(1, Math.round(stage.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
var isCropped = ({ width, height, view: [left, top, right, bottom] }) => left > 0.5 || top > 0.5 || right < width - 0.5 || bottom < height - 0.5;
var NO_GROUND = "#d5d7db";
var REGION_STRENGTH = 0.5;
var gridStrength = ([, cols]) => cols > 28 ? 0.1 : 0.2;
var Pictures = class {
  constructor(doc) {
    this.photographs = doc.images.map((image) => Object.assign(new Image(), { src: image.source, alt: "" }));
    this.ready = Promise.all(this.photographs.map((image) => image.decode().catch(() => {
    })));
    this.heats = /* @__PURE__ */ new Map();
  }
  of(view) {
    return this.photographs[view.subject.image];
  }
  heat(state, view) {
    const { layer, rowKey } = view;
    const key = [rowKey, layer.place, state.palette, state.scale, state.smooth, state.field].join();
    if (!this.heats.has(key)) {
      if (this.heats.size > 160) this.heats.clear();
      const { values, grid, top } = fieldOf(state, view);
      this.heats.set(key, heatCanvas(values, grid, top, state.palette, state.smooth));
    }
    return this.heats.get(key);
  }
  /** Photograph, map and patch grid into `context`, by a frame of `frameOf`. */
  paint(context, state, view, frame, { lines = state.grid, opacity = state.opacity } = {}) {
    const { shown, layer } = view;
    const photograph = this.of(view);
    const { picture } = frame;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    if (layer.placed === false) {
      context.fillStyle = NO_GROUND;
      context.fillRect(frame.left, frame.top, frame.width, frame.height);
    } else if (photograph.complete && photograph.naturalWidth) {
      const [left, top, right, bottom] = shown.crop;
      context.drawImage(
        photograph,
        left,
        top,
        right - left,
        bottom - top,
        picture.x,
        picture.y,
        picture.width,
        picture.height
      );
    }
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = state.smooth;
    if (opacity > 0) context.drawImage(this.heat(state, view), frame.left, frame.top, frame.width, frame.height);
    context.globalAlpha = 1;
    if (lines) paintGrid(context, layer.grid, frame);
    if (isCropped(shown)) paintFrame(context, frame);
  }
  end() {
    this.heats.clear();
    for (const image of this.photographs) image.removeAttribute("src");
  }
};
function paintGrid(context, grid, { left, top, width, height, unit: unit2 }) {
  const [rows, cols] = grid;
  context.beginPath();
  if (grid.regions) {
    for (const box of grid.regions.boxes) trace(context, box, left, top, width, height);
    context.strokeStyle = `rgba(255, 255, 255, ${REGION_STRENGTH})`;
    context.lineWidth = Math.max(0.5, 0.8 * unit2);
    context.stroke();
    return;
  }
  for (let c = 0; c <= cols; c++) {
    context.moveTo(left + c * width / cols, top);
    context.lineTo(left + c * width / cols, top + height);
  }
  for (let r = 0; r <= rows; r++) {
    context.moveTo(left, top + r * height / rows);
    context.lineTo(left + width, top + r * height / rows);
  }
  context.strokeStyle = `rgba(255, 255, 255, ${gridStrength([rows, cols])})`;
  context.lineWidth = Math.max(0.5, 0.8 * unit2);
  context.stroke();
}
function paintFrame(context, { left, top, width, height, unit: unit2 }) {
  for (
    const [color, dash] of
    /** @type {[string, number[]][]} */
    [
      ["#16181d", []],
      ["#ffffff", [6 * unit2, 6 * unit2]]
    ]
  ) {
    context.strokeStyle = color;
    context.lineWidth = 1.6 * unit2;
    context.setLineDash(dash);
    context.strokeRect(left, top, width, height);
  }
  context.setLineDash([]);
}

// export.js
var WIDTH = 640;
var GAP = 24;
var LINE = 16;
var BELOW = 8 + 22 + 22 + 2 * LINE + 6;
var SIZE = 12;
var FONT = "system-ui, sans-serif";
var LETTERS = 100;
var MOST_PIXELS = 16e3;
function sheetOf(views) {
  const tall = ({ shown }) => WIDTH * shown.height / shown.width;
  const parts = views.map((view, i) => ({ view, left: i * (WIDTH + GAP), tall: tall(view) }));
  return {
    parts,
    width: views.length * (WIDTH + GAP) - GAP,
    height: Math.max(...parts.map((part) => part.tall)) + BELOW
  };
}
function linesOf(text, most) {
  const result = [""];
  for (const word of text.split(SEPARATOR)) {
    const last = result[result.length - 1];
    const longer = last ? `${last}${SEPARATOR}${word}` : word;
    if (longer.length <= most || !last) result[result.length - 1] = longer;
    else result.push(word);
  }
  return [result[0], result.slice(1).join(SEPARATOR)].filter(Boolean);
}
function footOf(state, view) {
  const texts = [];
  const bars = [];
  const marks = [];
  let x = 2;
  const write = (text, y) => {
    if (text) texts.push({ x, y, text });
    x += text ? text.length * SIZE * 0.54 + 8 : 0;
  };
  for (const bar of Object.values(barsOf(state, view))) {
    write(bar.label, 20);
    write(bar.low, 20);
    bars.push({ x, y: 11, width: 110, height: 10, bar });
    x += 118;
    write(bar.high, 20);
    x += 14;
  }
  x = 2;
  write(widthWords(view), 42);
  for (const { kind, words, width } of keyOf2(view)) {
    marks.push({ kind, x, y: 38, width });
    x += kind === "width" ? 40 : 22;
    write(words, 42);
    x += 6;
  }
  linesOf(captionOf(state, view), LETTERS).forEach((text, i) => {
    texts.push({ x: 2, y: 64 + LINE * i, text });
  });
  return { texts, bars, marks };
}
var marksBelow = (marks, view, top) => marks.flatMap((mark2) => keyShapes(mark2, view, { left: mark2.x, top: top + mark2.y - 8 }));
var gradients = 0;
function svgOf(doc, state, pictures, views, scale = 1) {
  const { parts, width, height } = sheetOf(views);
  const node = svgNode("svg", {
    xmlns: SVG,
    width: width * scale,
    height: height * scale,
    viewBox: `0 0 ${width} ${height}`
  });
  node.append(svgNode("title", {}, doc.title), svgNode("rect", { width, height, fill: "#ffffff" }));
  parts.forEach(({ view, left, tall }, which) => {
    const frame = frameOf(view.shown, WIDTH, state);
    const inside = svgNode("svg", { width: WIDTH, height: tall, viewBox: `0 0 ${WIDTH} ${tall}` });
    inside.append(view.layer.placed === false ? groundNode(frame) : photographNode(view, frame));
    if (state.opacity > 0) inside.append(heatNode(pictures.heat(state, view), state, frame));
    if (state.grid) inside.append(gridNode(view.layer.grid, frame));
    if (isCropped(view.shown)) inside.append(...outlineNodes(frame));
    inside.append(...svgShapes(shapesOf(sceneOf({ ...view, hover: null }), frame)));
    const group = svgNode("g", { transform: `translate(${left} 0)`, "data-pane": String(which) }, inside);
    group.append(...footNodes(state, view, tall));
    node.append(group);
  });
  return new XMLSerializer().serializeToString(node);
}
function photographNode({ image, shown }, { picture }) {
  const [left, top, right, bottom] = shown.crop;
  const place = {
    x: picture.x,
    y: picture.y,
    width: picture.width,
    height: picture.height,
    preserveAspectRatio: "none"
  };
  const whole2 = svgNode("image", {
    href: image.source,
    width: image.width,
    height: image.height,
    preserveAspectRatio: "none"
  });
  return svgNode("svg", { ...place, viewBox: `${left} ${top} ${right - left} ${bottom - top}` }, whole2);
}
var groundNode = ({ left, top, width, height }) => svgNode("rect", { x: left, y: top, width, height, fill: NO_GROUND });
function heatNode(heat, state, { left, top, width, height }) {
  const place = { x: left, y: top, width, height, preserveAspectRatio: "none" };
  const node = svgNode("image", { href: heat.toDataURL(), ...place, opacity: state.opacity });
  if (!state.smooth) node.setAttribute("image-rendering", "pixelated");
  return node;
}
function gridNode(grid, { left, top, width, height }) {
  const [rows, cols] = grid;
  if (grid.regions) {
    const point = (loop, i) => `${(left + loop[i] * width).toFixed(2)} ${(top + loop[i + 1] * height).toFixed(2)}`;
    const line = (loop) => `M${Array.from({ length: loop.length / 2 }, (_, i) => point(loop, 2 * i)).join("L")}Z`;
    const d = grid.regions.boxes.flatMap(({ loops }) => loops.map(line)).join("");
    return svgNode("path", {
      d,
      stroke: "#ffffff",
      "stroke-opacity": REGION_STRENGTH,
      "stroke-width": 0.8,
      fill: "none"
    });
  }
  const down = Array.from(
    { length: cols + 1 },
    (_, c) => `M${(left + c * width / cols).toFixed(2)} ${top.toFixed(2)}v${height.toFixed(2)}`
  );
  const across = Array.from(
    { length: rows + 1 },
    (_, r) => `M${left.toFixed(2)} ${(top + r * height / rows).toFixed(2)}h${width.toFixed(2)}`
  );
  const look = { stroke: "#ffffff", "stroke-opacity": gridStrength([rows, cols]), "stroke-width": 0.8, fill: "none" };
  return svgNode("path", { d: [...down, ...across].join(""), ...look });
}
function outlineNodes({ left, top, width, height }) {
  const rect = { x: left, y: top, width, height, fill: "none", "stroke-width": 1.6 };
  return [
    svgNode("rect", { ...rect, stroke: "#16181d" }),
    svgNode("rect", { ...rect, stroke: "#ffffff", "stroke-dasharray": "6 6" })
  ];
}
function footNodes(state, view, top) {
  const { texts, bars, marks } = footOf(state, view);
  const nodes = texts.map(
    ({ x, y, text }) => svgNode("text", { x, y: top + y, "font-family": FONT, "font-size": SIZE, fill: view.theme.ink }, text)
  );
  for (const { x, y, width, height, bar } of bars) {
    const id = `vge-bar-${++gradients}`;
    const gradient2 = svgNode("linearGradient", { id });
    for (const [offset, color] of offsetsOf(bar)) gradient2.append(svgNode("stop", { offset, "stop-color": color }));
    nodes.push(gradient2, svgNode("rect", { x, y: top + y, width, height, fill: `url(#${id})` }));
  }
  return [...nodes, ...svgShapes(marksBelow(marks, view, top))];
}
var offsetsOf = ({ stops, sharp }) => stops.flatMap(
  (color, i) => sharp || stops.length === 1 ? [
    [i / stops.length, color],
    [(i + 1) / stops.length, color]
  ] : [[i / (stops.length - 1), color]]
);
function pngOf(state, pictures, views, scale = 1) {
  const { parts, width, height } = sheetOf(views);
  const real2 = Math.min(scale, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * real2);
  canvas.height = Math.round(height * real2);
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const { view, left, tall } of parts) {
    const frame = frameOf(view.shown, WIDTH * real2, state);
    context.save();
    context.translate(left * real2, 0);
    context.save();
    context.beginPath();
    context.rect(0, 0, WIDTH * real2, tall * real2);
    context.clip();
    pictures.paint(context, state, view, frame);
    paintShapes(context, shapesOf(sceneOf({ ...view, hover: null }), frame));
    context.restore();
    context.scale(real2, real2);
    paintFoot(context, state, view, tall);
    context.restore();
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
function paintFoot(context, state, view, top) {
  const { texts, bars, marks } = footOf(state, view);
  context.fillStyle = view.theme.ink;
  context.font = `${SIZE}px ${FONT}`;
  for (const { x, y, text } of texts) context.fillText(text, x, top + y);
  for (const { x, y, width, height, bar } of bars) {
    const gradient2 = context.createLinearGradient(x, 0, x + width, 0);
    for (const [offset, color] of offsetsOf(bar)) gradient2.addColorStop(offset, color);
    context.fillStyle = gradient2;
    context.fillRect(x, top + y, width, height);
  }
  paintShapes(context, marksBelow(marks, view, top));
}

// help.js
var LEAD_OF_OTHERS = "What a vision graph network looked at: in every layer each node aggregates from others, its neighbors.";
var LEAD = "What a vision graph network looked at: in every layer each patch aggregates from the patches most like it, its neighbors.";
var KEYS = [
  ["arrows", "move over the patches"],
  ["Home End", "ends of a row"],
  ["Enter", "keep a patch; with Shift add it"],
  ["Esc", "let all go"],
  ["[ ]", "layer before, after"],
  ["1 2 3", "hops"],
  ["o", "its neighbors / who aggregates from it"],
  ["c", "next class"],
  ["p", "play through the layers"],
  ["+ − 0", "zoom in, out, all of it; drag to move"],
  ["f", "full screen"]
];
var MEANINGS = {
  rank: "place among the neighbors, the nearest in features first, from 1",
  share: "share of channels: the part of the patch's channels in which this neighbor has the largest message, which is the one passed on",
  contribution: "gradient × message over those channels: what they add to the class's score, to first order; + for the class, − against it",
  effect: "what cutting this one edge did to the class's score, all graphs held; − where the edge held the score up. – where nobody measured it",
  distance: "how far away it lies, in patches"
};
var WORDS = [
  ["map", "class activation map: where evidence for the class was read off in this layer"],
  ["peak", "the patch with the map's highest value, a star"],
  ["neighbors", "the k patches most like a patch in this layer, from which it aggregates"],
  [
    "edge",
    "from a neighbor to the patch that aggregates from it, where its head is; as wide as its contribution is large, unless Width says otherwise; a ring is an edge to itself"
  ],
  ...Object.entries(MEANINGS),
  ["hop", "the neighbors' own neighbors, one layer earlier; the 18 heaviest edges of each further hop are drawn"],
  ["hub", "a patch from which many others aggregate"]
];

// head.js
var CORNERS = "M2 6V2h4v1.6H3.6V6zM10 2h4v4h-1.6V3.6H10zM14 10v4h-4v-1.6h2.4V10zM6 14H2v-4h1.6v2.4H6z";
var Head = class {
  constructor({ h, store, signal, headings }, full) {
    this.h = h;
    this.store = store;
    const { doc } = store;
    const { picker, option } = widgets(h, signal);
    this.pairs = doc.subjects.flatMap(
      (subject, s) => subject.rows.map((row) => ({ subject: s, target: row.target, method: row.method, row }))
    );
    this.title = h(headings[0], { class: "vge-title" });
    this.facts = h("p", { class: "vge-facts" });
    this.subject = picker(
      "Image and network",
      "Which image, seen by which network, is shown",
      (value) => store.update({ subject: Number(value), with: null })
    );
    this.with = picker(
      "Compare with",
      "A second picture in step with the first: another class, method, network or image",
      (value) => {
        const { row, ...pair } = value === "" ? { row: null } : this.pairs[Number(value)];
        store.update({ with: row ? pair : null });
      }
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
        on: { click: full }
      },
      icon(CORNERS)
    );
    this.full.hidden = !document.fullscreenEnabled;
    this.wrap = h(
      "header",
      { class: "vge-head" },
      h("div", { class: "vge-names" }, this.title, this.facts),
      h("div", { class: "vge-pickers" }, this.subject.wrap, this.with.wrap, this.full)
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
      const words = (row) => [classWords(row), many.method ? methodWords(row.method) : ""].filter(Boolean).join(SEPARATOR);
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
    const rest = [...held.values()].filter((row) => !subject.top.some((entry) => entry.index === row.target)).map((row) => ({ index: row.target, label: row.label, probability: row.probability, row }));
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
          on: { click: () => store.update({ target: entry.index }) }
        },
        h("span", { class: "vge-chip-label", textContent: entry.label }),
        h("span", { class: "vge-chip-value", textContent: value }),
        bar
      );
    });
  }
};

// hubs.js
var MOST_HUBS = 12;
var ADJACENT = 1.5;
function layerFacts(layer) {
  const pooled = layer.grid.join() !== layer.key_grid.join();
  const [rows, cols] = layer.grid;
  const lengths = [];
  const pairs = /* @__PURE__ */ new Set();
  layer.neighbors.forEach((key, place) => {
    const node = Math.floor(place / layer.k);
    if (key < 0 || !pooled && key === node) return;
    const [x0, y0] = centerOf(boxOf(layer.key_grid, key));
    const [x1, y1] = centerOf(boxOf(layer.grid, node));
    lengths.push(distanceOn(layer.grid, x0, y0, x1, y1));
    pairs.add(key * rows * cols + node);
  });
  lengths.sort((a, b) => a - b);
  const back = [...pairs].filter(
    (pair) => pairs.has(pair % (rows * cols) * rows * cols + Math.floor(pair / (rows * cols)))
  );
  const part = (n) => lengths.length ? n / lengths.length : 0;
  return {
    edges: lengths.length,
    median: lengths.length ? lengths[Math.floor(lengths.length / 2)] : 0,
    adjacent: part(lengths.filter((length) => length < ADJACENT).length),
    mutual: pooled ? null : part(back.length),
    unchosen: chosenBy(layer).filter((times) => times === 0).length
  };
}
function hubsOf(layer) {
  const times = chosenBy(layer);
  return [...times.keys()].sort((a, b) => times[b] - times[a] || a - b).slice(0, MOST_HUBS).map((key) => ({ key, times: times[key] }));
}
function placedSentences({ placed, note }) {
  const said = {
    true: "That its nodes lie where they are drawn is proven.",
    false: "Its nodes do not lie where they are drawn, so it is shown without the photograph.",
    null: "Whether its nodes lie where they are drawn was not proven."
  };
  return [said[String(placed ?? null)], note ? `${note[0].toUpperCase()}${note.slice(1)}.` : ""].filter(Boolean);
}
var Hubs = class {
  constructor(context) {
    const { h, store, make, headings } = context;
    this.store = store;
    const title = "Paint on the picture how many patches aggregate from each, in place of the class's map";
    this.paint = make.toggle(
      "paint how often each patch is chosen",
      title,
      (on) => store.update({ field: on ? "chosen" : "cam" })
    );
    this.words = h("p", { class: "vge-note" });
    this.name = h(headings[1], { textContent: "Hubs" });
    const over = (box) => {
      store.hovered = box ? spotOf(box) : null;
      store.later("over");
    };
    const go = (box) => store.update({ pins: [spotOf(box)], out: true });
    this.list = new PatchList(context, { over, go, deed: "Show who aggregates from this patch" });
    this.wrap = h("div", { class: "vge-side" }, this.words, this.paint.wrap, this.name, this.list.wrap);
    this.factsOf = null;
  }
  draw(view) {
    const { layer } = view;
    this.paint.field.checked = this.store.state.field === "chosen";
    if (this.factsOf !== layer) {
      this.factsOf = layer;
      this.facts = layerFacts(layer);
      this.hubs = hubsOf(layer);
    }
    const { edges, median, adjacent, mutual, unchosen } = this.facts;
    const nodes = layer.grid[0] * layer.grid[1];
    const regions = Boolean(layer.grid.regions);
    const parts = [
      `${count(edges, "edge")} between ${regions ? `${nodes} regions` : `${layer.grid.join(" × ")} patches`}`,
      `half of them longer than ${number(median)} ${regions ? "usual distances of two" : "patches"}`,
      regions ? "" : `${percent(adjacent)} to an adjacent patch`,
      mutual === null ? "" : `${percent(mutual)} of them mutual`,
      `no ${regions ? "region" : "patch"} aggregates from ${unchosen} of ${layer.key_grid[0] * layer.key_grid[1]}`
    ];
    const sentences = [`Layer ${layer.number}: ${parts.filter(Boolean).join(", ")}.`, ...placedSentences(layer)];
    this.words.textContent = sentences.join(" ");
    this.list.draw(
      view,
      this.hubs.map(({ key, times }) => {
        const box = boxOf(layer.key_grid, key);
        return {
          box,
          words: placeWords(box, layer.key_grid),
          value: `${times} of ${nodes}`,
          part: times / Math.max(1, this.hubs[0].times)
        };
      })
    );
  }
};

// keyboard.js
var TYPING = "input:not([type=range]):not([type=checkbox]), select, textarea";
function listen(root, { store, strip, full, signal }) {
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
    Escape: () => store.letGo()
  };
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches(TYPING) || !Object.hasOwn(deeds, event.key))
        return;
      deeds[event.key]();
      event.preventDefault();
      event.stopPropagation();
    },
    { signal }
  );
  guard(root, signal);
}
function guard(root, signal) {
  const set = (on) => on ? root.setAttribute("data-lm-suppress-shortcuts", "true") : root.removeAttribute("data-lm-suppress-shortcuts");
  const opens = (event) => ["Control", "Meta"].includes(event.key);
  root.addEventListener("keydown", (event) => opens(event) && set(false), { signal });
  root.addEventListener("keyup", (event) => opens(event) && set(true), { signal });
  root.addEventListener("focusout", () => set(true), { signal });
  set(true);
}

// looks.js
var ORDERS = [
  ["contribution", "contribution"],
  ["effect", "effect, where measured"],
  ["share", "share of channels"],
  ["rank", "rank"]
];
var WIDTHS = [["auto", "as the order"], ...ORDERS];
var COLORS = [["auto", "automatic"], ...ORDERS, ["center", "kept patch"]];
var Looks = class {
  constructor({ h, store, make }) {
    this.store = store;
    this.make = make;
    const { segmented, toggle, choice } = make;
    const set = (key) => (value) => store.update({ [key]: value });
    this.method = choice("Method", "How evidence for the class is read off", [], set("method"));
    this.palette = choice(
      "Palette of the map",
      "Colors of the map; jet is the one of the GraphConvNet release",
      Object.keys(PALETTES).map((name) => [name, name]),
      set("palette")
    );
    this.color = choice(
      "Color of edges",
      "What edges are colored by: what they are ordered by with one patch, the kept patch with several",
      COLORS,
      set("color")
    );
    this.order = choice(
      "Order of neighbors",
      "Which neighbors come first: those of the largest contribution foretell best what cutting them does",
      ORDERS,
      set("order")
    );
    this.width = choice(
      "Width of edges",
      "What makes edges wide: what they are ordered by; with ranks the share",
      WIDTHS,
      set("width")
    );
    this.scale = segmented(
      "Top of the map's scale",
      "Whether each layer's map ends at its own maximum, or all at one",
      [
        ["layer", "this layer"],
        ["shared", "all layers"]
      ],
      set("scale")
    );
    this.canvas = segmented(
      "Canvas",
      "The photograph in its own aspect, or squashed or cut as the network saw it",
      [
        ["original", "photograph"],
        ["input", "network's view"]
      ],
      set("canvas")
    );
    this.smooth = toggle("smooth", "Blend the map between patches, or show one color a patch", set("smooth"));
    this.grid = toggle("patch grid", "Lines between patches", set("grid"));
    const checks = h("div", { class: "vge-checks" }, this.smooth.wrap, this.grid.wrap);
    this.wrap = h(
      "div",
      { class: "vge-side vge-looks" },
      this.method.wrap,
      this.palette.wrap,
      this.order.wrap,
      this.width.wrap,
      this.color.wrap,
      this.scale.wrap,
      this.canvas.wrap,
      checks
    );
  }
  draw({ subject }) {
    const { state } = this.store;
    this.scale.show(state.scale);
    this.canvas.show(state.canvas);
    const methods = [
      ...new Set(subject.rows.filter((each) => each.target === state.target).map((each) => each.method))
    ];
    if ([...this.method.select.options].map((option) => option.value).join() !== methods.join()) {
      this.method.select.replaceChildren(...methods.map((name) => this.make.option(name, methodWords(name))));
    }
    this.method.wrap.hidden = methods.length < 2;
    for (const key of ["order", "width", "color", "method", "palette"]) this[key].select.value = state[key];
    for (const key of ["smooth", "grid"]) this[key].field.checked = state[key];
  }
};

// panel.js
var COLUMNS = ["rank", "share", "contribution", "effect", "distance"];
var MOST_ROWS = 100;
var UNRANKED = "place in the layer's list of neighbors, which it is not known to have sorted";
var BLANK = "This map is blank: no positive evidence, so no patch is the peak. Point at a patch to see its neighbors.";
var ORDERS2 = {
  rank: (a, b) => a.rank - b.rank || a.to - b.to,
  share: (a, b) => (b.share || 0) - (a.share || 0) || a.rank - b.rank,
  contribution: (a, b) => Math.abs(b.contribution || 0) - Math.abs(a.contribution || 0) || a.rank - b.rank,
  effect: (a, b) => Math.abs(b.effect || 0) - Math.abs(a.effect || 0) || a.rank - b.rank
};
function sorted(edges, sort, layer) {
  const near = (a, b) => patchDistance(a, layer) - patchDistance(b, layer);
  return [...edges].sort(ORDERS2[sort] ?? near);
}
var Panel = class {
  constructor({ h, store, pictures, headings }) {
    this.h = h;
    this.heading = headings[1];
    this.store = store;
    this.pictures = pictures;
    this.sections = [];
    this.wrap = h("div", { class: "vge-neighbors" });
  }
  draw(panes) {
    const wanted = panes.flatMap(
      (pane) => pane.view ? pane.view.actives.map((active, center) => ({ pane, active, center })) : []
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
    const heads = COLUMNS.map(
      (key) => h(
        "th",
        { scope: "col", title: MEANINGS[key] },
        h("button", {
          type: "button",
          textContent: key,
          title: `${capital(MEANINGS[key])}. Click to sort.`,
          on: { click: () => store.update({ sort: key }) }
        })
      )
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
      wrap: null
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
    const go = () => line.edge && store.update({ pins: [spotOf(store.state.out ? line.edge.toBox : line.edge.fromBox)] });
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
      distance: h("td", { class: "vge-distance" })
    };
    const button = h(
      "button",
      {
        type: "button",
        class: "vge-go",
        title: "Keep this patch instead",
        on: { click: go, focus: light, blur: unlight }
      },
      parts.thumb
    );
    const wrap = h(
      "tr",
      { on: { pointerenter: light, pointerleave: unlight } },
      h("td", {}, button),
      h("td", {}, parts.rank, parts.place),
      h("td", {}, parts.share, h("span", { class: "vge-meter" }, parts.shareBar)),
      h("td", {}, parts.contribution, h("span", { class: "vge-meter vge-signed" }, parts.contributionBar)),
      h("td", {}, parts.effect, h("span", { class: "vge-meter vge-signed" }, parts.effectBar)),
      parts.distance
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
      effect: topOf(shown, "effect")
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
    line.shareBar.style.width = `${100 * (edge.share || 0) / tops.share}%`;
    for (const by of ["contribution", "effect"]) {
      line[by].textContent = among(edge[by], tops[by]);
      const part = known(edge[by]) ? 50 * edge[by] / tops[by] : 0;
      const bar = line[`${by}Bar`];
      Object.assign(bar.style, { left: `${part < 0 ? 50 + part : 50}%`, width: `${Math.abs(part)}%` });
      bar.dataset.sign = part < 0 ? "minus" : "plus";
    }
    line.distance.textContent = number(Number(patchDistance(edge, view.layer).toFixed(1)));
    const unit2 = view.layer.grid.regions ? "usual distances of two regions" : "patches on the grid";
    line.distance.title = `${unit2}${edge.distance === null ? "" : `; ${number(edge.distance)} between features`}`;
    line.go.setAttribute("aria-label", `Go to ${where}`);
    drawThumb(line.thumb, this.pictures, view, box);
  }
};
function headWords(view, active, edges) {
  const { layer, row } = view;
  const pooled = layer.grid.join() !== layer.key_grid.join();
  const keys = `${layer.key_grid.join(" × ")} key nodes`;
  if (view.out && pooled) {
    const key = nodeAt(layer.key_grid, ...centerOf(active.box));
    return [
      `${capital(placeWords(active.box, layer.key_grid))} of ${keys}`,
      `key node ${key}, which covers node ${active.node} · ${neighborWords(view, active, edges)}`
    ];
  }
  const where = placeWords(boxOf(layer.grid, active.node), layer.grid);
  const { cam, peak } = row.layers[layer.place];
  const neighbors = neighborWords(view, active, edges, pooled ? ` of ${keys}` : "");
  return [
    peak === active.node ? `Peak: ${where}` : capital(where),
    `node ${active.node} · map ${number(cam[active.node])} · ${neighbors}`
  ];
}

// view.js
function viewOf(doc, state, which, theme = THEMES.light) {
  if (which === 1 && !state.with) return null;
  const asked = which === 0 ? state : state.with;
  const subject = doc.subjects[asked.subject];
  const row = rowOf(subject, asked.target, asked.method);
  const image = doc.images[subject.image];
  const shown = shownOf(image, subject.size, state.canvas);
  const [left, top, right, bottom] = shown.view;
  return {
    subject,
    row,
    layer: layerOf(doc, state, subject, which),
    image,
    shown,
    theme,
    aspect: (right - left) / (bottom - top),
    rowKey: `${asked.subject}.${subject.rows.indexOf(row)}`,
    out: state.out,
    by: null
  };
}
function layerOf(doc, state, subject, which) {
  const main = doc.subjects[state.subject];
  const same = subject.layers.find((each) => each.number === state.layer);
  if (which === 0 || subject.depth === main.depth && same) return same;
  const far = (number2, depth) => depth > 1 ? (number2 - 1) / (depth - 1) : 1;
  const off = (layer) => Math.abs(far(layer.number, subject.depth) - far(state.layer, main.depth));
  return subject.layers.reduce((best, each) => off(each) < off(best) ? each : best);
}
function activesOf(state, hovered, view, layer = view.layer) {
  const peak = view.row.layers[layer.place].peak;
  const { centers } = view.theme;
  let places = state.pins;
  if (!places.length && hovered) places = [hovered];
  if (!places.length && peak >= 0) places = [spotOf(boxOf(layer.grid, peak))];
  return places.map((at, i) => {
    const node = nodeAt(layer.grid, ...at);
    let box = boxOf(layer.grid, node);
    const [x, y] = centerOf(box);
    if (view.out && !layer.grid.regions) box = boxOf(layer.key_grid, nodeAt(layer.key_grid, x, y));
    return { node, box, x, y, color: centers[i % centers.length] };
  });
}
function edgesFor(state, view, layer, actives, hops = state.hops) {
  const order = orderOf(state.order, view.row.layers[layer.place], layer);
  const asked = { hops, k: state.k, share: state.share, out: view.out, far: state.far, order };
  const counts = [];
  const edges = actives.flatMap((active, center) => {
    const found = edgesOf(view.subject, view.row, layer, active.node, asked);
    found.hops.forEach((hop, i) => {
      counts[i] ??= { layer: hop.layer, drawn: 0, total: 0, carried: 0 };
      for (const key of ["drawn", "total"]) counts[i][key] += hop[key];
      counts[i].carried += hop.carried / actives.length;
    });
    return found.edges.map((edge) => ({ ...edge, center }));
  });
  fan(edges, view.aspect);
  const width = widthBy(state, order);
  const by = { order, width, color: colorBy(state, order, actives.length), top: widthTop(edges, width) };
  return { edges, counts, by };
}
function pointedView(doc, state, { hovered, lit, theme }, which) {
  const view = viewOf(doc, state, which, theme);
  if (!view) return null;
  const actives = activesOf(state, hovered, view);
  const { edges, counts, by } = edgesFor(state, view, view.layer, actives);
  const { grid, key_grid } = view.layer;
  const near = edges.filter((edge) => edge.hop === 1);
  const asked = view.out ? grid : key_grid;
  const pointed2 = hovered ? boxOf(asked, nodeAt(asked, ...hovered)) : null;
  let brought = null;
  if (lit && lit[0] === which) brought = near.find((edge) => edge.from === lit[1].from && edge.to === lit[1].to);
  else if (pointed2 && state.pins.length) {
    brought = near.find((edge) => !edge.itself && sameBox(view.out ? edge.toBox : edge.fromBox, pointed2));
  }
  const hover = hovered ? boxOf(grid, nodeAt(grid, ...hovered)) : null;
  return { ...view, actives, edges, counts, by, hover, lit: brought ?? null };
}
function overlap(a, b) {
  if (!a || !b || !sameGrid(a.layer.grid, b.layer.grid) || !sameGrid(a.layer.key_grid, b.layer.key_grid)) {
    return "";
  }
  const keys = (view) => new Set(view.edges.filter((edge) => edge.hop === 1).map((edge) => `${edge.from}>${edge.to}`));
  const [left, right] = [keys(a), keys(b)];
  const both = [...left].filter((key) => right.has(key)).length;
  return `${both} of ${(/* @__PURE__ */ new Set([...left, ...right])).size} edges in both`;
}

// panes.js
var DRAG = 4;
var FADE = 260;
var Pane = class {
  constructor({ h, store, pictures, uid, still, signal }, which) {
    this.store = store;
    this.pictures = pictures;
    this.still = still;
    this.which = which;
    this.view = null;
    this.fading = null;
    this.dragged = null;
    this.base = h("canvas", { class: "vge-base", "aria-hidden": "true" });
    this.over = h("canvas", { class: "vge-over", "aria-hidden": "true" });
    this.cell = h("div", { role: "gridcell", id: `${uid}-cell-${which}` });
    this.line = h("div", { role: "row" }, this.cell);
    this.grid = h(
      "div",
      {
        class: "vge-grid",
        role: "grid",
        tabIndex: 0,
        "aria-activedescendant": this.cell.id,
        "aria-label": "Patches. Arrow keys move, Enter keeps a patch, Shift and Enter adds one.",
        on: {
          pointerdown: (event) => this.press(event),
          pointermove: (event) => this.point(event),
          pointerleave: (event) => event.pointerType !== "touch" && this.leave(),
          click: (event) => this.click(event),
          keydown: (event) => this.walk(event),
          blur: () => store.byKeys && this.leave()
        }
      },
      this.line
    );
    this.stage = h("div", { class: "vge-stage" }, this.base, this.over, this.grid);
    this.caption = h("figcaption", { class: "vge-caption" });
    this.name = h("div", { class: "vge-pane-name" });
    this.legend = new Legend(h);
    const fit = h("div", { class: "vge-fit" }, this.stage);
    this.figure = h("figure", { class: "vge-pane" }, this.name, fit, this.caption, this.legend.wrap);
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
  }
  refresh() {
    this.view = pointedView(this.store.doc, this.store.state, this.store, this.which);
    this.figure.hidden = !this.view;
  }
  layout() {
    const { shown } = this.view;
    this.stage.style.setProperty("--vge-shown", String(shown.width / shown.height));
    const { outer, left, top, width, height } = frameOf(shown, shown.width, this.store.state);
    const share = (value, whole2) => `${100 * value / whole2}%`;
    Object.assign(this.grid.style, {
      left: share(left, outer.width),
      top: share(top, outer.height),
      width: share(width, outer.width),
      height: share(height, outer.height)
    });
    this.grid.classList.toggle("vge-movable", this.store.state.zoom > 1);
  }
  /** Let the map of the layer left behind melt into the new one. */
  fade() {
    if (this.still.matches || document.hidden || !this.view || !this.base.width) return;
    const copy = document.createElement("canvas");
    copy.width = this.base.width;
    copy.height = this.base.height;
    copy.getContext("2d").drawImage(this.base, 0, 0);
    this.fading = { copy, since: performance.now() };
  }
  drawBase() {
    const context = sized(this.base, this.stage);
    this.pictures.paint(context, this.store.state, this.view, this.frame(this.base.width));
    if (!this.fading) return;
    const done = (performance.now() - this.fading.since) / FADE;
    if (done >= 1 || this.fading.copy.width !== this.base.width) this.fading = null;
    else {
      context.globalAlpha = 1 - done;
      context.drawImage(this.fading.copy, 0, 0);
      context.globalAlpha = 1;
      this.store.later("base");
    }
  }
  drawOver() {
    const context = sized(this.over, this.stage);
    paintShapes(context, shapesOf(sceneOf(this.view), this.frame(this.over.width)));
  }
  frame(width) {
    return frameOf(this.view.shown, width, this.store.state);
  }
  drawWords() {
    const { doc, state, hovered } = this.store;
    const { layer, actives } = this.view;
    this.caption.textContent = captionOf(state, this.view);
    this.name.textContent = state.with ? nameOf(doc, this.which === 0 ? state : state.with) : "";
    this.legend.draw(state, this.view);
    const node = hovered ? nodeAt(layer.grid, ...hovered) : actives[0]?.node ?? 0;
    this.grid.setAttribute("aria-rowcount", String(layer.grid[0]));
    this.grid.setAttribute("aria-colcount", String(layer.grid[1]));
    this.line.setAttribute("aria-rowindex", String(Math.floor(node / layer.grid[1]) + 1));
    this.cell.setAttribute("aria-colindex", String(node % layer.grid[1] + 1));
    this.cell.setAttribute("aria-selected", String(state.pins.some((each) => nodeAt(layer.grid, ...each) === node)));
    this.cell.setAttribute("aria-label", sentenceOf(state, this.view, node));
  }
  place(event) {
    const box = this.grid.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }
  point(event) {
    if (this.dragged) this.drag(event);
    const at = this.place(event);
    if (at.every((v) => v >= 0 && v <= 1)) this.store.point(this.view.layer.grid, at);
  }
  leave() {
    this.store.point(null, null);
  }
  click(event) {
    const moved = this.dragged?.moved;
    this.dragged = null;
    if (moved) return;
    this.point(event);
    this.pin(this.store.hovered, event.shiftKey || event.ctrlKey || event.metaKey);
  }
  pin(at, add) {
    const { store } = this;
    store.pin(pinGrid(store), at, store.adding || add);
  }
  press(event) {
    if (this.store.state.zoom > 1)
      this.dragged = { x: event.clientX, y: event.clientY, at: this.store.state.at, moved: false };
  }
  /** Move what is zoomed in on with the pointer. */
  drag(event) {
    if (!event.buttons) {
      if (!this.dragged.moved) this.dragged = null;
      return;
    }
    const { x, y, at } = this.dragged;
    const [dx, dy] = [event.clientX - x, event.clientY - y];
    if (!this.dragged.moved && Math.hypot(dx, dy) < DRAG) return;
    this.dragged.moved = true;
    const { zoom } = this.store.state;
    const clip = (value) => Math.min(1 - 0.5 / zoom, Math.max(0.5 / zoom, value));
    this.store.update({
      at: [clip(at[0] - dx / (this.stage.clientWidth * zoom)), clip(at[1] - dy / (this.stage.clientHeight * zoom))]
    });
  }
  /** Zoom with Control and the wheel, or two fingers on a touchpad, about the place pointed at. */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.stage.getBoundingClientRect();
    const held = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    this.store.zoomBy(Math.exp(-event.deltaY / 200), held);
  }
  walk(event) {
    const { store } = this;
    const { layer, row, actives } = this.view;
    const [, cols] = layer.grid;
    const steps = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      Home: [0, -cols],
      End: [0, cols]
    };
    const step = steps[event.key];
    if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const start = store.hovered ?? store.state.pins[0];
      const from = start ? nodeAt(layer.grid, ...start) : Math.max(0, row.layers[layer.place].peak);
      store.point(layer.grid, spotOf(boxOf(layer.grid, stepFrom(layer.grid, from, step))), { byKeys: true });
    } else if (event.key === "Enter" || event.key === " ") {
      const here = actives[0] ? spotOf(boxOf(layer.grid, actives[0].node)) : null;
      this.pin(store.hovered ?? here, event.shiftKey);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
};
function pinGrid({ doc, state }) {
  return doc.subjects[state.subject].layers.find((layer) => layer.number === state.layer).grid;
}

// saving.js
var Saving = class {
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
      on: { input: () => store.later("words") }
    });
    this.pixels = h("span", { class: "vge-note" });
    this.said = h("p", { class: "vge-note", role: "status" });
    this.line = h("input", {
      type: "text",
      readOnly: true,
      class: "vge-command",
      "aria-label": "Command line that renders this view",
      title: "The vizgraph command that draws this view as a figure",
      on: { focus: () => this.line.select() }
    });
    this.lacks = h("p", { class: "vge-note" });
    const svg = async (scale) => new Blob([deeds.svg(scale)], { type: "image/svg+xml" });
    const save = (kind, picture) => async () => this.save(kind, await picture(this.scaleOf()));
    this.copyCommand = button(
      "Copy as command line",
      "Copy the command that draws this view",
      () => this.copy("Command line", deeds.command().line)
    );
    const link = deeds.link ? button("Copy link", "Copy an address that opens this page as it is now", () => this.copy("Link", deeds.link())) : null;
    this.wrap = h(
      "div",
      { class: "vge-side" },
      h(
        "div",
        { class: "vge-row" },
        button("Save SVG", "The picture with its edges as vectors", save("svg", svg)),
        button("Save PNG", "The picture in pixels", save("png", deeds.png)),
        h("label", { class: "vge-inline" }, h("span", { textContent: "scale" }), this.size),
        this.pixels
      ),
      h("div", { class: "vge-row" }, this.copyCommand, link),
      this.line,
      this.lacks,
      this.said
    );
  }
  scaleOf() {
    return Math.min(10, Math.max(0.5, Number(this.size.value) || 2));
  }
  save(kind, blob) {
    const url = URL.createObjectURL(blob);
    this.h("a", { href: url, download: `${this.deeds.name()}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1e4);
    this.said.textContent = `${kind.toUpperCase()} handed to the browser's downloads.`;
  }
  async copy(what, words) {
    try {
      await navigator.clipboard.writeText(words);
      this.said.textContent = `${what} copied.`;
    } catch {
      this.line.value = words;
      this.line.select();
      this.said.textContent = document.execCommand?.("copy") ? `${what} copied.` : `${what} is selected above: copy it.`;
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
    this.pixels.textContent = `${Math.round(width * scale)} × ${Math.round(height * scale)} pixels`;
  }
};

// store.js
var Store = class {
  /**
   * @param {any} doc an opened document.
   * @param {object} given the state to begin with.
   * @param {(state: object) => void} told called with a copy of the state after each change made here.
   * @param {(parts: Set<string>) => void} draw called with what waited for the next frame.
   */
  constructor(doc, given, told, draw) {
    this.doc = doc;
    this.told = told;
    this.draw = draw;
    this.state = resolve(doc, given);
    this.hovered = null;
    this.byKeys = false;
    this.lit = null;
    this.theme = THEMES.light;
    this.alike = false;
    this.adding = false;
    this.onLayer = () => {
    };
    this.pending = /* @__PURE__ */ new Set();
    this.frame = 0;
    this.ended = false;
  }
  update(partial, { quiet = false } = {}) {
    const before = this.state;
    this.state = resolve(this.doc, { ...before, ...partial });
    if (partial.pins || partial.layer || partial.subject) this.lit = null;
    if (before.layer !== this.state.layer) this.onLayer();
    this.later("all");
    if (!quiet) this.told(structuredClone(this.state));
  }
  /** Draw parts ("all", "base", "over", "strip", "panel", "words") in the next frame. */
  later(...parts) {
    for (const part of parts) this.pending.add(part);
    if (!this.frame) this.frame = requestAnimationFrame(() => this.flush());
  }
  /** Draw at once what waits. */
  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.ended || !this.pending.size) return;
    const parts = this.pending;
    this.pending = /* @__PURE__ */ new Set();
    this.draw(parts);
  }
  /** Point at a place of a grid, or at nothing. */
  point(grid, at, { byKeys = false } = {}) {
    if (at) {
      const node = nodeUnder(grid, ...at);
      const before = this.hovered ? nodeUnder(grid, ...this.hovered) : -1;
      if (!byKeys && !this.byKeys && node === before) return;
      this.hovered = node < 0 ? null : spotOf(boxOf(grid, node));
    } else this.hovered = null;
    this.byKeys = byKeys;
    this.lit = null;
    this.later("over", "panel");
  }
  /** Zoom by a factor, keeping the place `held` (a fraction of what is shown) where it is. */
  zoomBy(factor, held = [0.5, 0.5]) {
    const { zoom, at } = this.state;
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
    const clip = (value) => Math.min(1 - 0.5 / next, Math.max(0.5 / next, value));
    const move = (value, i) => clip(value + (held[i] - 0.5) * (1 / zoom - 1 / next));
    this.update({ zoom: next, at: at.map(move) });
  }
  light(pane, edge) {
    this.lit = edge ? [pane, edge] : null;
    this.later("over");
  }
  /** Keep a patch, or with `add` one more; what is kept already is let go. */
  pin(grid, at, add) {
    if (!at) return;
    const { pins } = this.state;
    const node = nodeAt(grid, ...at);
    const same = (other) => nodeAt(grid, ...other) === node;
    const had = pins.some(same);
    if (add) this.update({ pins: had ? pins.filter((each) => !same(each)) : [...pins, at].slice(-MOST_PINS) });
    else this.update({ pins: had && pins.length === 1 ? [] : [at] });
  }
  letGo() {
    this.hovered = this.lit = null;
    this.byKeys = false;
    this.update({ pins: [] });
  }
  end() {
    this.ended = true;
    cancelAnimationFrame(this.frame);
  }
};

// strip.js
var PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
var PLAY = "M4 2.5v11l9-5.5z";
var nodesOf = (grid) => grid.regions ? `${grid[1]} regions` : `${grid[0]} by ${grid[1]} patches`;
var Strip = class {
  constructor({ h, store, pictures, signal, still }) {
    this.h = h;
    this.store = store;
    this.pictures = pictures;
    this.still = still;
    this.timer = 0;
    this.minis = [];
    this.play = h("button", {
      type: "button",
      class: "vge-play",
      title: "Play through the layers (p)",
      on: { click: () => this.toggle() }
    });
    this.slider = h("input", {
      type: "range",
      min: 0,
      step: 1,
      "aria-label": "Layer",
      title: "Walk through the layers ([ and ])",
      on: { input: () => store.update({ layer: this.layers[Number(this.slider.value)].number }) }
    });
    this.strip = h("div", { class: "vge-strip", role: "radiogroup", "aria-label": "Layers" });
    roving(this.strip, signal);
    this.wrap = h("div", { class: "vge-layers" }, this.play, h("div", { class: "vge-track" }, this.slider, this.strip));
  }
  get layers() {
    const { doc, state } = this.store;
    return doc.subjects[state.subject].layers;
  }
  get at() {
    return this.layers.findIndex((layer) => layer.number === this.store.state.layer);
  }
  step(by) {
    const { layers } = this;
    this.store.update({ layer: layers[Math.min(layers.length - 1, Math.max(0, this.at + by))].number });
  }
  toggle() {
    if (this.timer) this.halt();
    else this.start();
  }
  start() {
    if (this.layers.length < 2) return;
    if (this.at === this.layers.length - 1) this.store.update({ layer: this.layers[0].number });
    const next = () => this.store.update({ layer: this.layers[(this.at + 1) % this.layers.length].number });
    this.timer = window.setInterval(next, this.still.matches ? 1800 : 1e3);
    this.store.later("words");
  }
  halt() {
    clearInterval(this.timer);
    this.timer = 0;
    this.store.later("words");
  }
  addMini() {
    const { h, store } = this;
    const at = this.minis.length;
    const base = h("canvas");
    const over = h("canvas");
    const label = h("span", { class: "vge-mini-number" });
    const face = h("span", { class: "vge-mini-face" }, base, over);
    const choose = () => store.update({ layer: this.layers[at].number });
    const button = h(
      "button",
      { type: "button", role: "radio", class: "vge-mini", on: { click: choose } },
      face,
      label
    );
    this.minis.push({ base, over, label, face, button });
    this.strip.append(button);
  }
  drawFrame(subject) {
    const { slider } = this;
    slider.max = String(subject.layers.length - 1);
    slider.value = String(this.at);
    slider.setAttribute("aria-valuetext", `layer ${this.store.state.layer} of ${subject.depth}`);
  }
  drawBases(view) {
    const { state } = this.store;
    const { layers } = view.subject;
    while (this.minis.length > layers.length) this.minis.pop().button.remove();
    while (this.minis.length < layers.length) this.addMini();
    layers.forEach((layer, i) => {
      const { base, label, face, button } = this.minis[i];
      label.textContent = String(layer.number);
      face.style.aspectRatio = `${view.shown.width} / ${view.shown.height}`;
      mark(button, layer.number === state.layer);
      button.setAttribute(
        "aria-label",
        `Layer ${layer.number} of ${view.subject.depth}, ${nodesOf(layer.grid)}, ${layer.k} neighbors`
      );
      if (layer.number === state.layer)
        this.strip.scrollLeft = button.offsetLeft - this.strip.offsetLeft - (this.strip.clientWidth - button.offsetWidth) / 2;
      const context = sized(base, face);
      this.pictures.paint(context, state, { ...view, layer }, frameOf(view.shown, base.width), {
        lines: false,
        opacity: Math.max(0.5, state.opacity)
      });
    });
  }
  drawEdges(view) {
    const { state, hovered } = this.store;
    view.subject.layers.forEach((layer, i) => {
      const mini = this.minis[i];
      if (!mini) return;
      const actives = activesOf(state, hovered, view, layer);
      const { edges, by } = edgesFor(state, view, layer, actives, 1);
      const context = sized(mini.over, mini.face);
      const marks = sceneOf({ ...view, layer, actives, edges, by, hover: null, lit: null }, { mini: true });
      paintShapes(context, shapesOf(marks, frameOf(view.shown, mini.over.width)));
    });
  }
  drawWords() {
    this.play.replaceChildren(icon(this.timer ? PAUSE : PLAY));
    this.play.setAttribute("aria-label", this.timer ? "Stop" : "Play through the layers");
    this.play.setAttribute("aria-pressed", String(Boolean(this.timer)));
  }
  end() {
    clearInterval(this.timer);
  }
};

// tabs.js
var Tabs = class {
  /**
   * @param {any} context
   * @param {{ name: string, title: string, node: HTMLElement }[]} entries
   * @param {(name: string) => void} opened called with the name of the panel that opens.
   */
  constructor({ h, uid, signal }, entries, opened2) {
    this.opened = opened2;
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
        on: { click: () => this.open(name) }
      });
      const panel = h(
        "div",
        { role: "tabpanel", id, class: "vge-panel-inner", tabIndex: 0, "aria-labelledby": tab.id },
        node
      );
      return { name, tab, panel };
    });
    const list = h(
      "div",
      { class: "vge-tabs", role: "tablist", "aria-label": "Beside the picture" },
      ...this.entries.map(({ tab }) => tab)
    );
    list.addEventListener("keydown", (event) => this.walk(event), { signal });
    this.wrap = h(
      "div",
      { class: "vge-panel" },
      list,
      h("div", { class: "vge-panel-body" }, ...this.entries.map(({ panel }) => panel))
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
    const at = this.entries.findIndex(({ name: name2 }) => name2 === this.shown);
    const { name, tab } = this.entries[(at + step + this.entries.length) % this.entries.length];
    this.open(name);
    tab.focus();
    event.preventDefault();
    event.stopPropagation();
  }
};

// theme.js
var opaque = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function lightness(color) {
  opaque.canvas.width = opaque.canvas.height = 1;
  opaque.fillStyle = color;
  opaque.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = opaque.getImageData(0, 0, 1, 1).data;
  return a < 128 ? null : (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}
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

// tools.js
var Tools = class {
  constructor({ h, store, make }) {
    this.h = h;
    this.store = store;
    const { segmented, range } = make;
    const set = (key) => (value) => store.update({ [key]: value });
    this.direction = segmented(
      "Edges",
      "From which patches a patch aggregates, or which patches aggregate from it (o)",
      [
        [false, "its neighbors"],
        [true, "who aggregates from it"]
      ],
      set("out")
    );
    this.hops = segmented(
      "Hops",
      "Edges of the neighbors' own neighbors, one layer earlier with each hop (1, 2, 3)",
      [
        [1, "1"],
        [2, "2"],
        [3, "3"]
      ],
      set("hops")
    );
    this.k = range(
      "Neighbors",
      "Keep only each patch's first neighbors, in the order chosen below",
      { min: 1, step: 1 },
      (value, field) => store.update({ k: value >= Number(field.max) ? 0 : value })
    );
    this.share = range(
      "Share at least",
      "Hide edges whose share of channels is smaller",
      { min: 0, max: 50, step: 1 },
      (value) => store.update({ share: value / 100 })
    );
    this.opacity = range(
      "Map opacity",
      "How strongly the map covers the photograph; where it is 0 it never does",
      { min: 0, max: 100, step: 5 },
      (value) => store.update({ opacity: value / 100 })
    );
    this.zoom = this.makeZoom();
    this.wrap = h(
      "div",
      { class: "vge-tools" },
      this.direction.wrap,
      this.hops.wrap,
      this.k.wrap,
      this.share.wrap,
      this.opacity.wrap,
      this.zoom.wrap
    );
  }
  makeZoom() {
    const { h, store } = this;
    const button = (text, title, click, name = title) => h("button", { type: "button", textContent: text, title, "aria-label": name, on: { click } });
    const all = button("1×", "Show all of it (0)", () => store.update({ zoom: 1 }), null);
    const group = h(
      "div",
      { class: "vge-segments", role: "group", "aria-label": "Zoom" },
      button("−", "Zoom out (−)", () => store.zoomBy(1 / 1.5)),
      all,
      button("+", "Zoom in (+), or Control and the wheel", () => store.zoomBy(1.5))
    );
    return {
      wrap: h("div", { class: "vge-control" }, h("span", { class: "vge-label", textContent: "Zoom" }), group),
      all
    };
  }
  draw({ subject }) {
    const { state } = this.store;
    this.direction.show(state.out);
    this.hops.show(state.hops);
    const most = Math.max(...subject.layers.map((layer) => layer.k));
    this.k.field.max = String(most);
    this.k.field.value = String(state.k === 0 ? most : Math.min(most, state.k));
    this.k.value.textContent = state.k === 0 || state.k >= most ? "all" : `first ${state.k}`;
    for (const key of ["share", "opacity"]) {
      this[key].field.value = String(Math.round(100 * state[key]));
      this[key].value.textContent = percent(state[key]);
    }
    this.zoom.all.textContent = `${Number(state.zoom.toFixed(1))}×`;
  }
};
var Hint = class {
  constructor({ h, store, touch }) {
    this.store = store;
    this.touch = touch;
    const button = (text, title, click) => h("button", { type: "button", textContent: text, title, on: { click } });
    this.words = h("p", { class: "vge-note" });
    this.add = button("Add another", "The next patch clicked is kept too, in a color of its own", () => {
      store.adding = !store.adding;
      store.later("words");
    });
    this.release = button("Let go", "Keep no patch any longer", () => store.update({ pins: [] }));
    this.wrap = h("div", { class: "vge-hint" }, this.words, this.add, this.release);
  }
  draw({ layer }) {
    const { state } = this.store;
    const kept = state.pins.length;
    const noun = nounOf(layer.grid);
    const deed = state.out ? "who aggregates from it" : "its neighbors";
    const touched = this.touch.matches;
    if (kept)
      this.words.textContent = `${count(kept, noun, noun === "patch" ? "patches" : `${noun}s`)} kept. ${touched ? "" : "Shift-click adds another, Escape lets go."}`;
    else
      this.words.textContent = touched ? `Tap a ${noun} to see ${deed}.` : `Point at a ${noun} to see ${deed}. Click to keep it.`;
    this.add.hidden = this.release.hidden = !kept;
    this.store.adding = this.store.adding && kept > 0;
    this.add.setAttribute("aria-pressed", String(this.store.adding));
  }
};

// explorer.js
var explorers = 0;
function mount(el, source, given = {}, onState = () => {
}, address = null) {
  const doc = opened(source);
  const stop = new AbortController();
  const { signal } = stop;
  const h = elements(signal);
  const store = new Store(doc, given, onState, (parts2) => draw(parts2));
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
    headings: document.body.classList.contains("vge-page") ? ["h1", "h2"] : ["h2", "h3"]
  };
  const { pictures } = context;
  const panes = [new Pane(context, 0), new Pane(context, 1)];
  const onPaper = () => [0, 1].map((which) => pointedView(doc, store.state, { ...store, hovered: null, theme: THEMES.light }, which)).filter(Boolean);
  const deeds = {
    svg: (scale = 1) => svgOf(doc, store.state, pictures, onPaper(), scale),
    png: (scale = 1) => pngOf(store.state, pictures, onPaper(), scale),
    command: () => commandOf(store.state, onPaper()[0]),
    name: () => fileName(store.state, onPaper()[0]),
    link: address ? () => address(store.state) : null
  };
  const full = () => (document.fullscreenElement === root ? document.exitFullscreen() : root.requestFullscreen?.())?.catch(() => {
  });
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
    text: (which = 0) => of(which) ? captionOf(store.state, panes[which].view) : "",
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
    }
  };
  root.explorer = api;
  return api;
}
var [NEIGHBORS, ALIKE, LAYER] = ["Neighbors", "Most alike", "Whole layer"];
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
    tabs: null
  };
  const help = h(
    "div",
    { class: "vge-side" },
    h(context.headings[1], { textContent: "Words" }),
    make.definitions(WORDS),
    h(context.headings[1], { textContent: "Keys" }),
    make.definitions(KEYS)
  );
  const entries = [
    { name: NEIGHBORS, title: "The patch and its neighbors, as a table", node: parts.panel.wrap },
    { name: ALIKE, title: "The patches most like it that were not chosen", node: parts.alike.wrap },
    { name: LAYER, title: "The whole layer: hubs, lengths of edges", node: parts.hubs.wrap },
    { name: "Look", title: "Method, colors, scale, canvas", node: parts.looks.wrap },
    { name: "Save", title: "Picture, command line, link", node: parts.saving.wrap },
    { name: "Help", title: "What the words mean, and keys", node: help }
  ];
  parts.tabs = new Tabs(context, entries, () => store.later("panel", "over"));
  return parts;
}
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
    h("div", { class: "vge-frame" }, head.wrap, head.lead, head.classes, tools.wrap, body, live.wrap)
  );
}
function layout(root, state, panes) {
  const two = Boolean(state.with);
  root.dataset.panes = two ? "2" : "1";
  for (const pane of panes) if (pane.view) pane.layout();
  const { shown } = panes[0].view;
  root.style.setProperty("--vge-aspect", String(shown.width / shown.height * (two ? 2 : 1)));
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
  legend.replaceChildren(...keyElements(h, view), ...both ? [h("span", { textContent: both })] : []);
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
    playing: strip.timer ? "1" : "0"
  });
  live.say(spokenWords(state, hovered, view));
}
var Live = class {
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
};
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

// stills.js
var MARK = "vizgraph-explorer\0";
var BEGINNING = 240;
function keyOf3(source) {
  const data = source.slice(0, BEGINNING).split(",")[1] ?? "";
  let bytes = "";
  try {
    bytes = atob(data.slice(0, data.length - data.length % 4));
  } catch {
    return "";
  }
  const at = bytes.indexOf(MARK);
  return at < 0 ? "" : bytes.slice(at + MARK.length, at + MARK.length + 16);
}
function hideStills(el, key) {
  if (!key) return () => {
  };
  const hidden = [];
  const arrival = new ResizeObserver(() => {
    if (!el.isConnected) return;
    arrival.disconnect();
    for (const image of el.closest(".jp-OutputArea")?.querySelectorAll(".jp-OutputArea-child img") ?? []) {
      const child = (
        /** @type {HTMLElement} */
        image.closest(".jp-OutputArea-child")
      );
      if (keyOf3(
        /** @type {HTMLImageElement} */
        image.src
      ) === key) hidden.push(child);
    }
    for (const child of hidden) child.style.display = "none";
  });
  arrival.observe(el);
  return () => {
    arrival.disconnect();
    for (const child of hidden) child.style.display = "";
  };
}

// main.js
function render({ model, el }) {
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
    api = null;
  };
}
var main_default = { render };
export {
  main_default as default,
  render
};
