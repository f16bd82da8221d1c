// Made of viz_nodes/explorer/src by `npm run build`: change it there.
(() => {
  // geometry.js
  var boxOf = ([rows, cols], node) => {
    const row = Math.floor(node / cols), col = node % cols;
    return [col / cols, row / rows, (col + 1) / cols, (row + 1) / rows];
  };
  var centerOf = (box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  var nodeAt = ([rows, cols], x, y) => {
    const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value + 1e-6)));
    return clip(y * rows, rows) * cols + clip(x * cols, cols);
  };
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
    const whole = Math.floor(Math.abs(value) + 0.5);
    return PERCENT.template.replace("{}", `${value < 0 && whole ? NUMBER.minus : ""}${whole}`);
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
    const whole = Math.floor(Math.log10(size)) + 1;
    return String(Number(size.toPrecision(Math.max(NUMBER.digits, whole))));
  }
  function among(value, top) {
    if (!known(value) || value === 0 || !(top >= 1e-4 && top < 1e6)) return number(value, true);
    const text = Math.abs(value).toFixed(Math.max(0, 2 - Math.floor(Math.log10(top))));
    return Number(text) === 0 ? `≈${NBSP}0` : (value < 0 ? NUMBER.minus : "+") + text;
  }
  var methodWords = (name) => Object.hasOwn(METHODS, name.toLowerCase()) ? METHODS[name.toLowerCase()] : name;
  var classWords = (row) => row.label + (known(row.probability) ? ` (${percent(row.probability)})` : "") + (row.versus_label !== null ? ` rather than ${row.versus_label}` : "");
  var count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

  // edges.js
  function listenersOf(layer) {
    if (layer.listeners) return layer.listeners;
    const keys = layer.key_grid[0] * layer.key_grid[1];
    const starts = new Int32Array(keys + 1);
    for (const key of layer.neighbors) if (key >= 0) starts[key + 1]++;
    for (let i = 0; i < keys; i++) starts[i + 1] += starts[i];
    const places = new Int32Array(starts[keys]), filled = starts.slice();
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
  function edgeAt(layer, asked, place) {
    const from = layer.neighbors[place], to = Math.floor(place / layer.k);
    return {
      layer: layer.number,
      from,
      to,
      rank: place % layer.k,
      share: (asked.share ?? layer.share)[place],
      contribution: asked.contribution[place],
      distance: layer.distance ? layer.distance[place] : null,
      fromBox: boxOf(layer.key_grid, from),
      toBox: boxOf(layer.grid, to)
    };
  }
  var beside = (subject, layer, step) => [subject.layers[layer.place + step]].find((other) => other && other.number === layer.number + step);
  function edgesOf(subject, row, layer, node, { hops, k, share, out }) {
    const edges = [];
    const start = out ? boxOf(layer.key_grid, nodeAt(layer.key_grid, ...centerOf(boxOf(layer.grid, node)))) : boxOf(layer.grid, node);
    let frontier = /* @__PURE__ */ new Map([[start.join(), { box: start, weight: 1, nodes: out ? null : [[node, 1]] }]]);
    let at = layer;
    for (let hop = 1; hop <= hops && at && frontier.size; hop++) {
      const asked = row.layers[at.place];
      const next = /* @__PURE__ */ new Map();
      for (const { box, weight, nodes } of frontier.values()) {
        const joined = /* @__PURE__ */ new Map();
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

  // colors.js
  var PALETTES = {
    inferno: "0000040b0724210c4a3d096557106e71196e8a226aa32c61bc3754d24644e45a31f1731df98e09fcac11f9cb35f2ea69fcffa4",
    viridis: "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
    magma: "0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf",
    cividis: "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c788c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
    jet: "0000800000c80000ff0040ff0080ff00c0ff16ffe149ffad7dff7ab1ff46e4ff13ffd000ff9400ff5900ff1e00c40000800000"
  };
  var DIVERGING = "6a4fc48f7fdaaf9fe8d2c8f4f4f2f5ffd9a8ffb55cf78b1edd6408";
  var CENTERS = ["#ffd21f", "#6cc4ff", "#3fe0ae", "#ff8fd0", "#ff9d3c", "#c9b6ff"];
  var PLAIN_EDGE = "#f4f2f5";
  function colorAt(stops, value) {
    const last = stops.length / 6 - 1;
    const at = Math.min(1, Math.max(0, value)) * last;
    const low = Math.min(last - 1, Math.floor(at));
    const channel = (stop, i) => parseInt(stops.slice(stop * 6 + 2 * i, stop * 6 + 2 * i + 2), 16);
    return (
      /** @type {[number, number, number]} */
      [0, 1, 2].map((i) => Math.round(channel(low, i) + (channel(low + 1, i) - channel(low, i)) * (at - low)))
    );
  }
  var css = ([r, g, b]) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

  // state.js
  var DEFAULTS = {
    subject: 0,
    target: null,
    method: null,
    layer: null,
    pins: [],
    hops: 1,
    k: 0,
    share: 0,
    out: false,
    color: "auto",
    opacity: 0.6,
    palette: "inferno",
    scale: "layer",
    smooth: true,
    grid: true,
    sort: "auto",
    with: null
  };
  var CHOICES = {
    color: ["auto", "contribution", "share", "center"],
    scale: ["layer", "shared"],
    sort: ["auto", "rank", "share", "contribution", "distance"]
  };
  var MOST_PINS = 6;
  function resolve(doc, given) {
    const state = { ...DEFAULTS };
    for (const key of Object.keys(DEFAULTS))
      if (given && given[key] !== void 0 && given[key] !== null) state[key] = given[key];
    const whole = (value, low, high, other) => Number.isInteger(value) && value >= low && value <= high ? value : other;
    const real = (value, low, high, other) => Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : other;
    state.subject = whole(state.subject, 0, doc.subjects.length - 1, 0);
    const subject = doc.subjects[state.subject];
    const row = rowOf(subject, state.target, state.method);
    [state.target, state.method] = [row.target, row.method];
    if (!subject.layers.some((layer) => layer.number === state.layer)) state.layer = subject.layers.at(-1).number;
    const pins = Array.isArray(state.pins) ? state.pins : [];
    state.pins = pins.filter((pin) => Array.isArray(pin) && pin.length === 2 && pin.every((v) => Number.isFinite(v) && v >= 0 && v <= 1)).slice(0, MOST_PINS).map((pin) => pin.map((v) => Number(v.toFixed(4))));
    state.hops = whole(state.hops, 1, 3, 1);
    state.k = whole(state.k, 0, 32767, 0);
    state.share = real(state.share, 0, 1, 0);
    state.opacity = real(state.opacity, 0, 1, DEFAULTS.opacity);
    for (const key of ["out", "smooth", "grid"]) state[key] = Boolean(state[key]);
    for (const [key, values2] of Object.entries(CHOICES)) if (!values2.includes(state[key])) state[key] = DEFAULTS[key];
    if (!Object.hasOwn(PALETTES, state.palette)) state.palette = DEFAULTS.palette;
    const wanted = state.with;
    if (wanted && typeof wanted === "object" && doc.subjects[wanted.subject]) {
      const other = rowOf(doc.subjects[wanted.subject], wanted.target, wanted.method);
      state.with = { subject: wanted.subject, target: other.target, method: other.method };
    } else state.with = null;
    return state;
  }
  function rowOf(subject, target, method) {
    const rows = subject.rows;
    return rows.find((row) => row.target === target && row.method === method) ?? rows.find((row) => row.target === target) ?? rows.find((row) => row.method === method) ?? rows[0];
  }
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
      else if (["target", "layer"].includes(key) || typeof DEFAULTS[key] === "number") {
        if (text !== "" && Number.isFinite(value)) given[key] = value;
      } else given[key] = text;
    }
    return given;
  }

  // sentences.js
  var placeWords = (box, [rows, cols]) => `row ${Math.floor((box[1] + box[3]) / 2 * rows) + 1}, column ${Math.floor((box[0] + box[2]) / 2 * cols) + 1}`;
  var capital = (text) => text[0].toUpperCase() + text.slice(1);
  function edgeWords(edge) {
    return `layer ${edge.layer}: key node ${edge.from} to node ${edge.to}, rank ${edge.rank}, share ${percent(edge.share)}, contribution ${number(edge.contribution, true)}`;
  }
  var quoted = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  function asksWords({ layer, out }, { node }, shown2, keys = "") {
    if (out) return count(shown2.length, "patch asks it", "patches ask it");
    const there = degree(layer, node);
    return `asks ${there}${keys}${shown2.length < there ? `, ${shown2.length} shown` : ""}`;
  }
  function emptyWords(state, { out }) {
    if (state.share > 0)
      return `No edge here has a share of at least ${percent(state.share)}. Lower "Share at least" to see more.`;
    if (out) return `Nobody asks this patch in this layer${state.k ? ` among their nearest ${state.k}` : ""}.`;
    return "It asks nobody in this layer.";
  }
  function captionOf(state, view) {
    const { layer, subject, row, edges, actives } = view;
    const parts = [`layer ${layer.number} of ${subject.depth}`, classWords(row), methodWords(row.method)];
    const own = edges.filter((edge) => edge.hop === 1);
    if (!actives.length) parts.push("blank map: no peak");
    else if (view.out)
      parts.push(count(own.length, "patch asks", "patches ask") + (actives.length > 1 ? " these" : " this one"));
    else {
      const there = actives.reduce((sum, { node }) => sum + degree(layer, node), 0);
      const won = own.length === there ? 1 : own.reduce((sum, edge) => sum + (edge.share || 0), 0) / actives.length;
      parts.push(`${own.length} of ${count(there, "neighbor")} drawn, ${percent(won)} of the wins`);
    }
    if (state.hops > 1) {
      const far = edges.length - own.length;
      const other = layer.number + (view.out ? 1 : -1);
      if (far) parts.push(`${count(far, "edge")} of further hops`);
      else if (other < 1 || other > subject.depth)
        parts.push(`no further hop: this is the ${view.out ? "last" : "first"} layer`);
      else if (!beside(subject, layer, view.out ? 1 : -1))
        parts.push(`further hops need layer ${other}, which is not in this file`);
    }
    if (!layer.exact) parts.push("shares are approximate");
    return parts.filter(Boolean).join(" · ");
  }
  function sentenceOf(state, view, node) {
    const { layer, row } = view;
    const edges = edgesOf(view.subject, row, layer, node, { hops: 1, k: state.k, share: state.share, out: view.out });
    const best = edges.reduce((top, edge) => edge.share > (top?.share ?? 0) ? edge : top, null);
    const who = placeWords(boxOf(layer.grid, node), layer.grid);
    const peak = row.layers[layer.place].peak === node ? ", the peak" : "";
    const asks = asksWords(view, { node }, edges);
    const strongest = best ? `; most: ${placeWords(view.out ? best.toBox : best.fromBox, view.out ? layer.grid : layer.key_grid)}, ${percent(best.share)}` : "";
    return `${capital(who)}${peak}. ${capital(asks)}${strongest}.`;
  }
  function nameOf(doc, { subject: s, target, method }) {
    const differ = (values2) => new Set(values2).size > 1;
    const pictures = doc.subjects.map((subject2) => subject2.image);
    const models = differ(doc.subjects.map((subject2) => subject2.name)) || doc.subjects.length > new Set(pictures).size;
    const methods = differ(doc.subjects.flatMap((subject2) => subject2.rows.map((row2) => row2.method)));
    const subject = doc.subjects[s];
    const row = rowOf(subject, target, method);
    const parts = [
      differ(pictures) ? doc.images[subject.image].name : "",
      models ? subject.name || `model ${s + 1}` : "",
      classWords(row),
      methods ? methodWords(row.method) : ""
    ];
    return parts.filter(Boolean).join(" · ");
  }
  function spokenWords(state, hovered, view) {
    const { layer, actives } = view;
    if (!actives.length) return captionOf(state, view);
    return `Layer ${layer.number}. ${sentenceOf(state, view, hovered ? nodeAt(layer.grid, ...hovered) : actives[0].node)}`;
  }
  function patchDistance(edge, layer) {
    const [rows, cols] = layer.grid;
    return Math.hypot((edge.x0 - edge.x1) * cols, (edge.y0 - edge.y1) * rows);
  }
  var KEYS = [
    ["arrows", "move over the patches"],
    ["Home End", "ends of a row"],
    ["Enter", "keep a patch; with Shift add it"],
    ["Esc", "let all go"],
    ["[ ]", "layer before, after"],
    ["1 2 3", "hops"],
    ["o", "whom it asks / who asks it"],
    ["c", "next class"],
    ["p", "play through the layers"]
  ];
  var MEANINGS = {
    rank: "place among the neighbors, nearest in features first; 0 is the nearest",
    share: "part of the patch's channels in which this neighbor has the largest message and wins",
    contribution: "what the channels it won add to the class's score, to first order: + for the class, − against it",
    distance: "how far away it lies, in patches"
  };
  var WORDS = [
    ["map", "where evidence for the class was read off in this layer"],
    ["peak", "the patch with the map's highest value, a star"],
    ["asks", "in every layer a patch takes up messages from the patches most like it, its neighbors"],
    ["edge", "from a neighbor, wide, to the patch that asked it, narrow; a ring is an edge to itself"],
    ...Object.entries(MEANINGS),
    ["hop", "whom the neighbors had asked one layer earlier"]
  ];

  // command.js
  function commandOf(state, { subject, row }) {
    const words = [...subject.command, "--layers", String(state.layer), "--k", state.k ? String(state.k) : "all"];
    if (row.target >= 0) words.push("--target", String(row.target));
    if (row.versus !== null) words.push("--versus", String(row.versus));
    words.push("--method", row.method);
    for (const pin of state.pins) words.push("--center", pin.join());
    if (state.palette !== DEFAULTS.palette) words.push("--palette", state.palette);
    return words.map(quoted).join(" ");
  }
  var fileName = (state, { image }) => `${image.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 80) || "image"}_layer_${state.layer}`;

  // svg.js
  var SVG = "http://www.w3.org/2000/svg";
  function svgNode(tag, attributes = {}, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes))
      node.setAttribute(key, typeof value === "number" ? String(Number(value.toFixed(3))) : value);
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
      if (shape.type === "rect")
        return svgNode("rect", { ...look, x: shape.x, y: shape.y, width: shape.w, height: shape.h });
      if (shape.type === "circle") return svgNode("circle", { ...look, cx: shape.x, cy: shape.y, r: shape.r });
      const node = svgNode("path", {
        ...look,
        d: `M${shape.points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}Z`
      });
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
    const labeled = (text) => h("span", { class: "vge-label", textContent: text });
    return {
      option,
      segmented(label, choices, chosen) {
        const group = h("div", { class: "vge-segments", role: "radiogroup", "aria-label": label });
        const buttons = choices.map(
          ([value, text]) => h("button", {
            type: "button",
            role: "radio",
            textContent: text,
            data: { value: String(value) },
            on: { click: () => chosen(value) }
          })
        );
        group.append(...buttons);
        roving(group, signal);
        const wrap = h("div", { class: "vge-control" }, labeled(label), group);
        const show = (value) => {
          buttons.forEach((button, i) => {
            mark(button, choices[i][0] === value);
          });
        };
        return { wrap, buttons, show };
      },
      range(label, properties, input) {
        const field = h("input", {
          type: "range",
          ...properties,
          on: { input: () => input(Number(field.value), field) }
        });
        const value = h("span", { class: "vge-value" });
        return {
          wrap: h("label", { class: "vge-control" }, h("span", { class: "vge-label" }, `${label} `, value), field),
          field,
          value
        };
      },
      toggle(label, changed) {
        const field = h("input", { type: "checkbox", on: { change: () => changed(field.checked) } });
        return { wrap: h("label", { class: "vge-check" }, field, h("span", { textContent: label })), field };
      },
      choice(label, entries, changed) {
        const select = h(
          "select",
          { on: { change: () => changed(select.value) } },
          ...entries.map(([value, text]) => option(value, text))
        );
        return { wrap: h("label", { class: "vge-control" }, labeled(label), select), select };
      },
      picker(label, changed) {
        const select = h("select", { on: { change: () => changed(select.value) } });
        return { wrap: h("label", { class: "vge-picker" }, h("span", { textContent: label }), select), select };
      },
      button: (text, click) => h("button", { type: "button", textContent: text, on: { click } }),
      definitions: (entries) => h(
        "dl",
        { class: "vge-definitions" },
        ...entries.flatMap(([word, text]) => [h("dt", { textContent: word }), h("dd", { textContent: text })])
      )
    };
  }

  // controls.js
  var Controls = class {
    /**
     * @param {any} context
     * @param {{ svg: (scale: number) => string, png: (scale: number) => Promise<Blob>, command: () => string,
     *   name: () => string, link: (() => string) | null }} deeds what the buttons hand out.
     */
    constructor({ h, store, signal }, deeds) {
      this.h = h;
      this.store = store;
      this.deeds = deeds;
      this.make = widgets(h, signal);
      const { segmented, range, toggle, choice, definitions } = this.make;
      const set = (key) => (value) => store.update({ [key]: value });
      this.direction = segmented(
        "Edges",
        [
          [false, "whom it asks"],
          [true, "who asks it"]
        ],
        set("out")
      );
      this.hops = segmented(
        "Hops",
        [
          [1, "1"],
          [2, "2"],
          [3, "3"]
        ],
        set("hops")
      );
      this.k = range(
        "Neighbors",
        { min: 1, step: 1 },
        (value, field) => store.update({ k: value >= Number(field.max) ? 0 : value })
      );
      this.share = range("Share at least", { min: 0, max: 50, step: 1 }, (value) => store.update({ share: value / 100 }));
      this.color = choice(
        "Edge color",
        [
          ["auto", "automatic"],
          ["contribution", "contribution"],
          ["share", "share"],
          ["center", "center"]
        ],
        set("color")
      );
      this.opacity = range(
        "Map opacity",
        { min: 0, max: 100, step: 5 },
        (value) => store.update({ opacity: value / 100 })
      );
      this.method = choice("Method", [], set("method"));
      this.palette = choice(
        "Palette",
        Object.keys(PALETTES).map((name) => [name, name]),
        set("palette")
      );
      this.scale = segmented(
        "Top of the map's scale",
        [
          ["layer", "this layer"],
          ["shared", "all layers"]
        ],
        set("scale")
      );
      this.smooth = toggle("smooth", set("smooth"));
      this.grid = toggle("patch grid", set("grid"));
      this.tools = h(
        "div",
        { class: "vge-tools" },
        this.direction.wrap,
        this.hops.wrap,
        this.k.wrap,
        this.share.wrap,
        this.opacity.wrap
      );
      const looks = h(
        "div",
        { class: "vge-looks" },
        this.method.wrap,
        this.palette.wrap,
        this.color.wrap,
        this.scale.wrap,
        h("div", { class: "vge-checks" }, this.smooth.wrap, this.grid.wrap)
      );
      const help = (name, entries) => h("details", {}, h("summary", { textContent: name }), definitions(entries));
      this.wrap = h(
        "div",
        { class: "vge-controls" },
        h(
          "div",
          { class: "vge-side" },
          h("fieldset", {}, h("legend", { textContent: "Look" }), looks),
          h("fieldset", {}, h("legend", { textContent: "Help" }), help("Words", WORDS), help("Keys", KEYS))
        ),
        this.makeExports()
      );
    }
    makeExports() {
      const { h, store, deeds } = this;
      const { button } = this.make;
      this.size = h("input", {
        type: "number",
        min: 0.5,
        max: 10,
        step: 0.5,
        value: "2",
        on: { input: () => store.later("words") }
      });
      this.pixels = h("span", { class: "vge-note" });
      this.said = h("p", { class: "vge-note", role: "status" });
      this.line = h("input", {
        type: "text",
        readOnly: true,
        class: "vge-command",
        "aria-label": "Command line that renders this view",
        on: { focus: () => this.line.select() }
      });
      const save = (kind, make) => async () => this.save(kind, await make(this.scaleOf()));
      const link = deeds.link ? button("Copy link", () => this.copy("Link", deeds.link())) : null;
      const svg = (scale) => new Blob([deeds.svg(scale)], { type: "image/svg+xml" });
      return h(
        "fieldset",
        {},
        h("legend", { textContent: "Take it with you" }),
        h(
          "div",
          { class: "vge-row" },
          button("Save SVG", save("svg", svg)),
          button("Save PNG", save("png", deeds.png)),
          h("label", { class: "vge-inline" }, h("span", { textContent: "scale" }), this.size),
          this.pixels
        ),
        h(
          "div",
          { class: "vge-row" },
          button("Copy as command line", () => this.copy("Command line", deeds.command())),
          link
        ),
        this.line,
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
    /** Show what the state says. */
    draw({ subject }) {
      const { state } = this.store;
      this.direction.show(state.out);
      this.hops.show(state.hops);
      this.scale.show(state.scale);
      const most = Math.max(...subject.layers.map((layer) => layer.k));
      this.k.field.max = String(most);
      this.k.field.value = String(state.k === 0 ? most : Math.min(most, state.k));
      this.k.value.textContent = state.k === 0 || state.k >= most ? "all" : `nearest ${state.k}`;
      for (const key of ["share", "opacity"]) {
        this[key].field.value = String(Math.round(100 * state[key]));
        this[key].value.textContent = percent(state[key]);
      }
      const methods = [
        ...new Set(subject.rows.filter((each) => each.target === state.target).map((each) => each.method))
      ];
      if ([...this.method.select.options].map((o) => o.value).join() !== methods.join()) {
        this.method.select.replaceChildren(...methods.map((name) => this.make.option(name, methodWords(name))));
      }
      this.method.wrap.hidden = methods.length < 2;
      for (const key of ["color", "method", "palette"]) this[key].select.value = state[key];
      for (const key of ["smooth", "grid"]) this[key].field.checked = state[key];
      this.line.value = this.deeds.command();
    }
    drawWords({ width, height }) {
      const scale = this.scaleOf();
      this.pixels.textContent = `${Math.round(width * scale)} × ${Math.round(height * scale)} pixels`;
    }
  };
  var Hint = class {
    constructor({ h, store, touch }) {
      this.store = store;
      this.touch = touch;
      const button = (text, click) => h("button", { type: "button", textContent: text, on: { click } });
      this.words = h("p", { class: "vge-note" });
      this.add = button("Add another", () => {
        store.adding = !store.adding;
        store.later("words");
      });
      this.release = button("Let go", () => store.update({ pins: [] }));
      this.wrap = h("div", { class: "vge-hint" }, this.words, this.add, this.release);
    }
    draw() {
      const { state } = this.store;
      const kept = state.pins.length;
      const deed = state.out ? "who asks it" : "whom it asks";
      if (kept)
        this.words.textContent = `${kept} ${kept === 1 ? "patch" : "patches"} kept. ${this.touch.matches ? "" : "Shift-click adds another, Escape lets go."}`;
      else
        this.words.textContent = this.touch.matches ? `Tap a patch to see ${deed}.` : `Point at a patch to see ${deed}. Click to keep it.`;
      this.add.hidden = this.release.hidden = !kept;
      this.store.adding = this.store.adding && kept > 0;
      this.add.setAttribute("aria-pressed", String(this.store.adding));
    }
  };

  // document.js
  var ARRAYS = { int16: Int16Array, int32: Int32Array, uint16: Uint16Array };
  var UNKNOWN = { int16: -32768, uint16: 65535 };
  function unpack(packed) {
    const text = atob(packed.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const raw = new ARRAYS[packed.type](bytes.buffer);
    if (packed.scale === void 0) return raw;
    const values2 = new Float32Array(raw.length);
    const unknown = UNKNOWN[packed.type];
    for (let i = 0; i < raw.length; i++) values2[i] = raw[i] === unknown ? NaN : raw[i] * packed.scale;
    return values2;
  }
  function lazily(holder, packed) {
    for (const [key, value] of Object.entries(packed)) {
      let array = null;
      Object.defineProperty(holder, key, { enumerable: true, get: () => array ??= unpack(value) });
    }
    return holder;
  }
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
        layers: row.layers.map(({ peak, ...packed }) => lazily({ peak }, packed))
      }));
      return { ...subject, layers, rows };
    });
    return { ...doc, subjects };
  }

  // canvas.js
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
        for (const [x, y] of shape.points) context.lineTo(x, y);
        context.closePath();
      }
      if (shape.fill) {
        context.fillStyle = shape.fill;
        context.fill();
      }
      if (shape.stroke) {
        context.strokeStyle = shape.stroke;
        context.lineWidth = shape.width;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  // heatmap.js
  var tables = /* @__PURE__ */ new Map();
  function tableOf(palette) {
    if (!tables.has(palette))
      tables.set(
        palette,
        Array.from({ length: 256 }, (_, i) => colorAt(PALETTES[palette], i / 255))
      );
    return tables.get(palette);
  }
  var largest = (values2) => values2.filter((value) => value > 0).reduce((top, value) => Math.max(top, value), 0);
  function topOf(row, layer, scale) {
    return scale === "shared" ? Math.max(...row.layers.map((each) => largest(each.cam))) : largest(row.layers[layer.place].cam);
  }
  function enlarge(values2, rows, cols, factor) {
    const wide = cols * factor, result = new Float32Array(rows * wide);
    const cubic = (t) => {
      t = Math.abs(t);
      return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
    };
    for (let c = 0; c < wide; c++) {
      const x = (c + 0.5) / factor - 0.5, base = Math.floor(x);
      for (let tap = base - 1; tap <= base + 2; tap++) {
        const weight = cubic(x - tap), source = Math.min(cols - 1, Math.max(0, tap));
        for (let r = 0; r < rows; r++) result[r * wide + c] += weight * values2[r * cols + source];
      }
    }
    return result;
  }
  function transpose(values2, rows, cols) {
    const result = new Float32Array(values2.length);
    for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = values2[r * cols + c];
    return result;
  }
  function heatCanvas(cam, [rows, cols], top, palette, smooth) {
    let field = Float32Array.from(cam, (value) => Number.isFinite(value) && top > 0 ? value / top : 0);
    const factor = smooth ? Math.max(1, Math.ceil(112 / Math.max(rows, cols))) : 1;
    if (factor > 1) {
      field = enlarge(field, rows, cols, factor);
      field = transpose(
        enlarge(transpose(field, rows, cols * factor), cols * factor, rows, factor),
        cols * factor,
        rows * factor
      );
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
  var opacityOf = (value) => 0.15 + 0.85 * value;

  // painting.js
  function frameOf({ image }, width) {
    const scale = width / image.width;
    const [left, top, right, bottom] = image.view;
    return {
      left: left * scale,
      top: top * scale,
      width: (right - left) * scale,
      height: (bottom - top) * scale,
      unit: width / 640,
      scale
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
      const { row, layer, rowKey } = view;
      const key = [rowKey, layer.place, state.palette, state.scale, state.smooth].join();
      if (!this.heats.has(key)) {
        if (this.heats.size > 160) this.heats.clear();
        this.heats.set(
          key,
          heatCanvas(
            row.layers[layer.place].cam,
            layer.grid,
            topOf(row, layer, state.scale),
            state.palette,
            state.smooth
          )
        );
      }
      return this.heats.get(key);
    }
    /** Photograph, map and patch grid into `context`, `width` wide. */
    paint(context, state, view, width, { lines = state.grid, opacity = state.opacity } = {}) {
      const { image, layer } = view;
      const photograph = this.of(view);
      const box = frameOf(view, width);
      const height = image.height * box.scale;
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
      if (opacity > 0) context.drawImage(this.heat(state, view), box.left, box.top, box.width, box.height);
      context.globalAlpha = 1;
      if (lines) paintGrid(context, layer.grid, box);
    }
    end() {
      this.heats.clear();
      for (const image of this.photographs) image.removeAttribute("src");
    }
  };
  var gridStrength = ([, cols]) => cols > 28 ? 0.1 : 0.2;
  function paintGrid(context, [rows, cols], box) {
    context.beginPath();
    for (let c = 0; c <= cols; c++) {
      context.moveTo(box.left + c * box.width / cols, box.top);
      context.lineTo(box.left + c * box.width / cols, box.top + box.height);
    }
    for (let r = 0; r <= rows; r++) {
      context.moveTo(box.left, box.top + r * box.height / rows);
      context.lineTo(box.left + box.width, box.top + r * box.height / rows);
    }
    context.strokeStyle = `rgba(255, 255, 255, ${gridStrength([rows, cols])})`;
    context.lineWidth = Math.max(0.5, 0.8 * box.unit);
    context.stroke();
  }

  // curves.js
  var BENDS = [0.14, -0.14, 0.05, -0.05, 0.25, -0.25, 0.36, -0.36, 0.48, -0.48];
  var controlOf = (x0, y0, x1, y1, bend) => [(x0 + x1) / 2 - bend * (y1 - y0), (y0 + y1) / 2 + bend * (x1 - x0)];
  function fan(edges) {
    const meeting = /* @__PURE__ */ new Map();
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
      const apart = Math.min(0.5, 0.9 * 2 * Math.PI / group.length);
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
  }
  function ribbon([x0, y0, cx, cy, x1, y1], wide, narrow) {
    const steps = 14, left = [], right = [];
    for (let i = 0; i <= steps; i++) {
      const t = i / steps, s = 1 - t;
      const x = s * s * x0 + 2 * s * t * cx + t * t * x1, y = s * s * y0 + 2 * s * t * cy + t * t * y1;
      let dx = s * (cx - x0) + t * (x1 - cx), dy = s * (cy - y0) + t * (y1 - cy);
      const length = Math.hypot(dx, dy) || 1;
      const half = (wide + (narrow - wide) * t) / 2;
      dx *= half / length;
      dy *= half / length;
      left.push([x - dy, y + dx]);
      right.push([x + dy, y - dx]);
    }
    return [...left, ...right.reverse()];
  }

  // scene.js
  function sceneOf(pane, { mini = false } = {}) {
    const marks = [];
    const { layer, row, actives, edges, hover, lit } = pane;
    const strongest = edges.reduce((top, edge) => Math.max(top, edge.weight || 0), 1e-9);
    const colorOf = edgeColors(pane, edges);
    const cell = 1 / layer.grid[1];
    if (!mini) {
      if (actives.length) {
        const holes = [
          ...actives.map((active) => active.box),
          ...edges.filter((e) => e.hop === 1).map((e) => pane.out ? e.toBox : e.fromBox)
        ];
        marks.push({ kind: "veil", holes: unique(holes), alpha: 0.38 });
      }
      for (const edge of edges) {
        if (edge.hop > 1 || edge.itself) continue;
        marks.push({
          kind: "box",
          box: pane.out ? edge.toBox : edge.fromBox,
          color: colorOf(edge),
          width: edge === lit ? 3 : 1.4,
          alpha: 0.95
        });
      }
    }
    const order = [...edges].sort((a, b) => b.hop - a.hop || a.weight - b.weight);
    for (const edge of order) {
      if (edge.itself) continue;
      const strength = Math.sqrt((edge.weight || 0) / strongest);
      const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, edge.bend);
      const dim = lit && edge !== lit ? 0.45 : 1;
      marks.push({
        kind: "edge",
        edge,
        points: [edge.x0, edge.y0, cx, cy, edge.x1, edge.y1],
        color: colorOf(edge),
        width: mini ? 8 + 13 * strength : (edge.hop === 1 ? 1.4 + 6.6 * strength : 0.8 + 3.4 * strength) + (edge === lit ? 1.5 : 0),
        alpha: dim * (edge.hop === 1 ? 0.5 + 0.5 * strength : 0.28 + 0.5 * strength),
        casing: !mini && edge.hop === 1
      });
    }
    if (!mini) {
      const seen = /* @__PURE__ */ new Set();
      for (const edge of order) {
        const [x, y] = pane.out ? [edge.x1, edge.y1] : [edge.x0, edge.y0];
        const key = `${x},${y},${edge.hop}`;
        if (edge.itself || seen.has(key)) continue;
        seen.add(key);
        marks.push({
          kind: "dot",
          x,
          y,
          radius: edge.hop === 1 ? 3.6 : 2.4,
          most: cell * 0.3,
          fill: colorOf(edge),
          alpha: edge.hop === 1 ? 1 : 0.8
        });
      }
    }
    const peak = row.layers[layer.place].peak;
    for (const active of actives) {
      if (edges.some((edge) => edge.itself && edge.hop === 1 && sameBox(edge.toBox, active.box)) && !mini) {
        marks.push({ kind: "ring", x: active.x, y: active.y, radius: 11, color: active.color });
      }
      if (!mini) marks.push({ kind: "box", box: active.box, color: active.color, width: 2.2, alpha: 1 });
      if (active.node !== peak)
        marks.push({ kind: "dot", x: active.x, y: active.y, radius: mini ? 24 : 5.5, fill: active.color, alpha: 1 });
    }
    if (peak >= 0) {
      const [x, y] = centerOf(boxOf(layer.grid, peak));
      const active = actives.find((each) => each.node === peak);
      marks.push({ kind: "star", x, y, radius: mini ? 44 : active ? 11 : 8, fill: active ? active.color : CENTERS[0] });
    }
    if (!mini && hover && !actives.some((active) => sameBox(active.box, hover)))
      marks.push({ kind: "box", box: hover, color: "#ffffff", width: 2, alpha: 1 });
    return marks;
  }
  var sameBox = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 1e-6);
  var holds = (a, b) => a[0] <= b[0] + 1e-6 && a[1] <= b[1] + 1e-6 && a[2] >= b[2] - 1e-6 && a[3] >= b[3] - 1e-6;
  function unique(boxes) {
    const once = [...new Map(boxes.map((box) => [box.join(), box])).values()];
    const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
    const least = Math.min(...once.map(area));
    const large = once.filter((box) => area(box) > 1.5 * least);
    return once.filter((box) => !large.some((other) => other !== box && holds(other, box)));
  }
  var edgeColoring = (pane) => pane.color !== "auto" ? pane.color : pane.actives.length > 1 ? "center" : "contribution";
  function edgeColors(pane, edges) {
    const by = edgeColoring(pane);
    if (by === "center") return (edge) => CENTERS[edge.center % CENTERS.length];
    if (by === "share")
      return (edge) => known(edge.share) ? css(colorAt(PALETTES.cividis, 0.35 + 0.65 * edge.share)) : PLAIN_EDGE;
    const top = contributionTop(edges);
    return (edge) => known(edge.contribution) ? css(colorAt(DIVERGING, 0.5 + 0.5 * edge.contribution / top)) : PLAIN_EDGE;
  }
  var contributionTop = (edges) => edges.reduce((top, edge) => edge.hop > 1 ? top : Math.max(top, Math.abs(edge.contribution) || 0), 0) || 1;

  // shapes.js
  function starPoints(x, y, radius) {
    return Array.from({ length: 10 }, (_, i) => {
      const r = i % 2 ? radius * 0.45 : radius, angle = -Math.PI / 2 + i * Math.PI / 5;
      return [x + r * Math.cos(angle), y + r * Math.sin(angle)];
    });
  }
  function shapesOf(marks, frame) {
    const { left, top, width, height, unit: u } = frame;
    const X = (x) => left + x * width, Y = (y) => top + y * height;
    const rect = (box) => [X(box[0]), Y(box[1]), X(box[2]) - X(box[0]), Y(box[3]) - Y(box[1])];
    const shapes = [];
    for (const mark2 of marks) {
      if (mark2.kind === "veil")
        shapes.push({
          type: "veil",
          outer: [left, top, width, height],
          holes: mark2.holes.map(rect),
          fill: "#07080c",
          alpha: mark2.alpha
        });
      else if (mark2.kind === "box") {
        const [x, y, w, h] = rect(mark2.box);
        shapes.push({
          type: "rect",
          x,
          y,
          w,
          h,
          stroke: "#07080c",
          width: (mark2.width + 1.6) * u,
          alpha: 0.55 * mark2.alpha
        });
        shapes.push({ type: "rect", x, y, w, h, stroke: mark2.color, width: mark2.width * u, alpha: mark2.alpha });
      } else if (mark2.kind === "edge") {
        const points = mark2.points.map((value, i) => i % 2 ? Y(value) : X(value));
        if (mark2.casing)
          shapes.push({
            type: "polygon",
            points: ribbon(points, (mark2.width + 2) * u, (mark2.width * 0.45 + 2) * u),
            fill: "#07080c",
            alpha: 0.55 * mark2.alpha
          });
        shapes.push({
          type: "polygon",
          points: ribbon(points, mark2.width * u, mark2.width * 0.45 * u),
          fill: mark2.color,
          alpha: mark2.alpha,
          edge: mark2.edge
        });
      } else if (mark2.kind === "dot") {
        const r = Math.min(mark2.radius * u, mark2.most ? mark2.most * width : Infinity);
        shapes.push({
          type: "circle",
          x: X(mark2.x),
          y: Y(mark2.y),
          r,
          fill: mark2.fill,
          stroke: "#07080c",
          width: Math.min(1.2 * u, r / 2),
          alpha: mark2.alpha
        });
      } else if (mark2.kind === "ring") {
        shapes.push({
          type: "circle",
          x: X(mark2.x),
          y: Y(mark2.y),
          r: mark2.radius * u,
          stroke: "#07080c",
          width: 4 * u,
          alpha: 0.6
        });
        shapes.push({
          type: "circle",
          x: X(mark2.x),
          y: Y(mark2.y),
          r: mark2.radius * u,
          stroke: mark2.color,
          width: 2 * u,
          alpha: 1
        });
      } else if (mark2.kind === "star") {
        shapes.push({
          type: "polygon",
          points: starPoints(X(mark2.x), Y(mark2.y), mark2.radius * u),
          fill: mark2.fill,
          stroke: "#07080c",
          width: 1.4 * u,
          alpha: 1
        });
      }
    }
    return shapes;
  }

  // export.js
  var WIDTH = 640;
  var GAP = 24;
  var CAPTION = 40;
  var INK = "#16181d";
  var MOST_PIXELS = 16e3;
  function sheetOf(views) {
    const tallest = Math.max(...views.map(({ image }) => WIDTH * image.height / image.width));
    const parts = views.map((view, i) => ({ view, left: i * (WIDTH + GAP) }));
    return { parts, width: views.length * (WIDTH + GAP) - GAP, height: tallest + CAPTION };
  }
  function linesOf(text, most) {
    const result = [""];
    for (const word of text.split(" · ")) {
      const last = result[result.length - 1];
      const longer = last ? `${last} · ${word}` : word;
      if (longer.length <= most || !last) result[result.length - 1] = longer;
      else result.push(word);
    }
    return result.slice(0, 2);
  }
  function svgOf(doc, state, pictures, views, scale = 1) {
    const { parts, width, height } = sheetOf(views);
    const node = svgNode("svg", {
      xmlns: SVG,
      width: width * scale,
      height: height * scale,
      viewBox: `0 0 ${width} ${height}`
    });
    node.append(svgNode("title", {}, doc.title), svgNode("rect", { width, height, fill: "#ffffff" }));
    parts.forEach(({ view, left }, which) => {
      const box = frameOf(view, WIDTH);
      const tall = view.image.height * box.scale;
      const group = svgNode("g", { transform: `translate(${left} 0)`, "data-pane": String(which) });
      group.append(
        svgNode("image", { href: view.image.source, width: WIDTH, height: tall, preserveAspectRatio: "none" })
      );
      if (state.opacity > 0) group.append(heatNode(pictures.heat(state, view), state, box));
      if (state.grid) group.append(gridNode(view.layer.grid, box));
      group.append(...svgShapes(shapesOf(sceneOf({ ...view, hover: null }), box)));
      linesOf(captionOf(state, view), 92).forEach((text, i) => {
        group.append(
          svgNode(
            "text",
            { x: 2, y: tall + 16 + 16 * i, "font-family": "system-ui, sans-serif", "font-size": 13, fill: INK },
            text
          )
        );
      });
      node.append(group);
    });
    return new XMLSerializer().serializeToString(node);
  }
  function heatNode(heat, state, box) {
    const node = svgNode("image", {
      href: heat.toDataURL(),
      x: box.left,
      y: box.top,
      width: box.width,
      height: box.height,
      opacity: state.opacity,
      preserveAspectRatio: "none"
    });
    if (!state.smooth) node.setAttribute("image-rendering", "pixelated");
    return node;
  }
  function gridNode([rows, cols], box) {
    const { left, top, width, height } = box;
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
  function pngOf(state, pictures, views, scale = 1) {
    const { parts, width, height } = sheetOf(views);
    const real = Math.min(scale, MOST_PIXELS / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * real);
    canvas.height = Math.round(height * real);
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const { view, left } of parts) {
      const wide = WIDTH * real;
      const tall = view.image.height * wide / view.image.width;
      context.save();
      context.translate(left * real, 0);
      pictures.paint(context, state, view, wide);
      paintShapes(context, shapesOf(sceneOf({ ...view, hover: null }), frameOf(view, wide)));
      context.fillStyle = INK;
      context.font = `${13 * real}px system-ui, sans-serif`;
      linesOf(captionOf(state, view), 92).forEach((text, i) => {
        context.fillText(text, 2 * real, tall + (16 + 16 * i) * real);
      });
      context.restore();
    }
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  // head.js
  var Head = class {
    constructor({ h, store, signal }) {
      this.h = h;
      this.store = store;
      const { doc } = store;
      const { picker, option } = widgets(h, signal);
      this.pairs = doc.subjects.flatMap(
        (subject, s) => subject.rows.map((row) => ({ subject: s, target: row.target, method: row.method }))
      );
      this.title = h("h2", { class: "vge-title" });
      this.facts = h("p", { class: "vge-facts" });
      this.subject = picker("Image and model", (value) => store.update({ subject: Number(value), with: null }));
      this.with = picker(
        "Compare with",
        (value) => store.update({ with: value === "" ? null : this.pairs[Number(value)] })
      );
      this.classes = h("div", { class: "vge-classes", role: "radiogroup", "aria-label": "Class explained" });
      this.chipsOf = null;
      roving(this.classes, signal);
      const names = doc.subjects.map(
        (each, s) => [doc.images[each.image].name, each.name || `model ${s + 1}`].join(" · ")
      );
      this.subject.select.append(...names.map((name, s) => option(String(s), name)));
      this.subject.wrap.hidden = doc.subjects.length < 2;
      this.with.select.append(
        option("", "nothing"),
        ...this.pairs.map((pair, i) => option(String(i), nameOf(doc, pair)))
      );
      this.with.wrap.hidden = this.pairs.length < 2;
      this.wrap = h(
        "header",
        { class: "vge-head" },
        h("div", { class: "vge-names" }, this.title, this.facts),
        h("div", { class: "vge-pickers" }, this.subject.wrap, this.with.wrap)
      );
    }
    draw({ subject, row, image }) {
      const { state } = this.store;
      this.title.textContent = this.title.title = image.name;
      this.facts.textContent = [subject.name, `${subject.depth} graph layers`, methodWords(row.method)].filter(Boolean).join(" · ");
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
            title: entry.label + (entry.row ? "" : ": no map of this class in this file"),
            on: { click: () => store.update({ target: entry.index }) }
          },
          h("span", { class: "vge-chip-label", textContent: entry.label }),
          h("span", { class: "vge-chip-value", textContent: value }),
          bar
        );
      });
    }
  };

  // keyboard.js
  var TYPING = "input:not([type=range]):not([type=checkbox]), select, textarea";
  function listen(root, { store, strip, signal }) {
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

  // panel.js
  var COLUMNS = ["rank", "share", "contribution", "distance"];
  var MOST_ROWS = 100;
  var THUMB = 72;
  var BLANK = "This map is blank: no positive evidence, so no patch is the peak. Point at a patch to see whom it asked.";
  var ORDERS = {
    rank: (a, b) => a.rank - b.rank || a.to - b.to,
    share: (a, b) => (b.share || 0) - (a.share || 0),
    contribution: (a, b) => (b.contribution || 0) - (a.contribution || 0)
  };
  function sorted(edges, sort, layer) {
    const near = (a, b) => patchDistance(a, layer) - patchDistance(b, layer);
    return [...edges].sort(ORDERS[sort] ?? near);
  }
  var Panel = class {
    constructor({ h, store, pictures }) {
      this.h = h;
      this.store = store;
      this.pictures = pictures;
      this.sections = [];
      this.wrap = h("div", {
        class: "vge-panel-inner",
        tabIndex: 0,
        role: "region",
        "aria-label": "The patch and its neighbors"
      });
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
          h("button", { type: "button", textContent: key, on: { click: () => store.update({ sort: key }) } })
        )
      );
      const first = h("th", { scope: "col" }, h("span", { class: "vge-hidden", textContent: "patch" }));
      const section = {
        heads,
        swatch: h("span", { class: "vge-swatch" }),
        name: h("h3"),
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
      const go = () => line.edge && store.update({ pins: [store.state.out ? [line.edge.x1, line.edge.y1] : [line.edge.x0, line.edge.y0]] });
      const parts = {
        thumb: h("canvas", { class: "vge-thumb", "aria-hidden": "true" }),
        rank: h("span", { class: "vge-rank" }),
        place: h("span", { class: "vge-place" }),
        share: h("span"),
        shareBar: h("i"),
        contribution: h("span"),
        contributionBar: h("i"),
        distance: h("td", { class: "vge-distance" })
      };
      const button = h(
        "button",
        { type: "button", class: "vge-go", on: { click: go, focus: light, blur: unlight } },
        parts.thumb
      );
      const wrap = h(
        "tr",
        { on: { pointerenter: light, pointerleave: unlight } },
        h("td", {}, button),
        h("td", {}, parts.rank, parts.place),
        h("td", {}, parts.share, h("span", { class: "vge-meter" }, parts.shareBar)),
        h("td", {}, parts.contribution, h("span", { class: "vge-meter vge-signed" }, parts.contributionBar)),
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
      const sort = state.sort === "auto" ? view.out ? "share" : "rank" : state.sort;
      const falling = ["share", "contribution"].includes(sort) ? "descending" : "ascending";
      section.heads.forEach((head, i) => {
        head.setAttribute("aria-sort", COLUMNS[i] === sort ? falling : "none");
      });
      const edges = sorted(all, sort, view.layer);
      const shown2 = edges.slice(0, MOST_ROWS);
      while (section.rows.length < shown2.length) this.addLine(section);
      const tops = {
        share: Math.max(1e-9, ...shown2.map((edge) => edge.share || 0)),
        contribution: contributionTop(shown2)
      };
      section.rows.forEach((line, i) => {
        this.drawLine(line, pane, shown2[i], tops);
      });
      const hidden = edges.length - shown2.length;
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
      line.rank.textContent = edge.itself ? "itself" : String(edge.rank);
      line.place.textContent = where.replace("column", "col");
      line.share.textContent = percent(edge.share);
      line.shareBar.style.width = `${100 * (edge.share || 0) / tops.share}%`;
      line.contribution.textContent = among(edge.contribution, tops.contribution);
      const part = known(edge.contribution) ? 50 * edge.contribution / tops.contribution : 0;
      Object.assign(line.contributionBar.style, { left: `${part < 0 ? 50 + part : 50}%`, width: `${Math.abs(part)}%` });
      line.contributionBar.dataset.sign = part < 0 ? "minus" : "plus";
      line.distance.textContent = number(Number(patchDistance(edge, view.layer).toFixed(1)));
      line.distance.title = `patches on the grid${edge.distance === null ? "" : `; ${number(edge.distance)} between features`}`;
      line.go.setAttribute("aria-label", `Go to ${where}`);
      this.drawThumb(line.thumb, view, box);
    }
    drawThumb(canvas, view, box) {
      const photograph = this.pictures.of(view);
      const key = `${view.subject.image} ${box}`;
      if (canvas.dataset.key === key && photograph.complete) return;
      canvas.dataset.key = photograph.complete ? key : "";
      if (canvas.width !== THUMB) canvas.width = canvas.height = THUMB;
      if (!photograph.complete || !photograph.naturalWidth) return;
      const [left, top, right, bottom] = view.image.view;
      const [wide, high] = [right - left, bottom - top];
      canvas.getContext("2d").drawImage(
        photograph,
        left + box[0] * wide,
        top + box[1] * high,
        (box[2] - box[0]) * wide,
        (box[3] - box[1]) * high,
        0,
        0,
        THUMB,
        THUMB
      );
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
        `key node ${key}, which covers node ${active.node} · ${asksWords(view, active, edges)}`
      ];
    }
    const where = placeWords(boxOf(layer.grid, active.node), layer.grid);
    const { cam, peak } = row.layers[layer.place];
    const asks = asksWords(view, active, edges, pooled ? ` of ${keys}` : "");
    return [
      peak === active.node ? `Peak: ${where}` : capital(where),
      `node ${active.node} · map ${number(cam[active.node])} · ${asks}`
    ];
  }

  // legend.js
  function scalesOf(state, view) {
    const shade = (color) => Array.from({ length: 9 }, (_, i) => `rgb(${color(i / 8).join(" ")})`);
    const map = {
      label: "map",
      low: "0",
      high: number(topOf(view.row, view.layer, state.scale)),
      stops: shade((value) => colorAt(PALETTES[state.palette], value)),
      sharp: false
    };
    const label = edgeColoring(view);
    const edge = { label, low: "", high: "", stops: [], sharp: false };
    if (label === "contribution") {
      const top = view.edges.length ? contributionTop(view.edges) : null;
      edge.low = top === null ? "against" : `against ${number(-top)}`;
      edge.high = top === null ? "for" : `${number(top, true)} for`;
      edge.stops = shade((value) => colorAt(DIVERGING, value));
    } else if (label === "share") {
      [edge.low, edge.high] = ["0", percent(1)];
      edge.stops = shade((value) => colorAt(PALETTES.cividis, 0.35 + 0.65 * value));
    } else {
      edge.stops = view.actives.length ? view.actives.map(({ color }) => color) : [PLAIN_EDGE];
      edge.sharp = true;
    }
    return { map, edge };
  }
  var gradient = ({ stops, sharp }) => {
    const part = 100 / stops.length;
    const words = sharp ? stops.map((color, i) => `${color} ${i * part}% ${(i + 1) * part}%`) : stops;
    return `linear-gradient(90deg, ${words.join(", ")})`;
  };
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
      for (const [name, scale] of Object.entries(scalesOf(state, view))) {
        const item = this[name];
        for (const part of ["label", "low", "high"]) item[part].textContent = scale[part];
        item.bar.style.background = gradient(scale);
      }
    }
  };

  // view.js
  function viewOf(doc, state, which) {
    if (which === 1 && !state.with) return null;
    const shown2 = which === 0 ? state : state.with;
    const subject = doc.subjects[shown2.subject];
    const row = rowOf(subject, shown2.target, shown2.method);
    return {
      subject,
      row,
      layer: layerOf(doc, state, subject, which),
      image: doc.images[subject.image],
      rowKey: `${shown2.subject}.${subject.rows.indexOf(row)}`,
      out: state.out,
      color: state.color
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
  function edgesFor(state, view, layer, actives, hops = state.hops) {
    const asked = { hops, k: state.k, share: state.share, out: view.out };
    const edges = actives.flatMap(
      (active, center) => edgesOf(view.subject, view.row, layer, active.node, asked).map((edge) => ({ ...edge, center }))
    );
    fan(edges);
    return edges;
  }
  function pointedView(doc, state, { hovered, lit }, which) {
    const view = viewOf(doc, state, which);
    if (!view) return null;
    const actives = activesOf(state, hovered, view);
    const edges = edgesFor(state, view, view.layer, actives);
    const { grid, key_grid } = view.layer;
    const near = edges.filter((edge) => edge.hop === 1);
    const pointed = hovered ? boxOf(view.out ? grid : key_grid, nodeAt(view.out ? grid : key_grid, ...hovered)) : null;
    let brought = null;
    if (lit && lit[0] === which) brought = near.find((edge) => edge.from === lit[1].from && edge.to === lit[1].to);
    else if (pointed && state.pins.length) {
      brought = near.find((edge) => !edge.itself && sameBox(view.out ? edge.toBox : edge.fromBox, pointed));
    }
    return {
      ...view,
      actives,
      edges,
      hover: hovered ? boxOf(grid, nodeAt(grid, ...hovered)) : null,
      lit: brought ?? null
    };
  }
  function overlap(a, b) {
    if (!a || !b || a.layer.grid.join() !== b.layer.grid.join() || a.layer.key_grid.join() !== b.layer.key_grid.join())
      return "";
    const keys = (view) => new Set(view.edges.filter((edge) => edge.hop === 1).map((edge) => `${edge.from}>${edge.to}`));
    const [left, right] = [keys(a), keys(b)];
    const both = [...left].filter((key) => right.has(key)).length;
    return `${both} of ${(/* @__PURE__ */ new Set([...left, ...right])).size} edges in both`;
  }

  // panes.js
  var FADE = 260;
  var Pane = class {
    constructor({ h, store, pictures, uid, still }, which) {
      this.store = store;
      this.pictures = pictures;
      this.still = still;
      this.which = which;
      this.view = null;
      this.fading = null;
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
            pointermove: (event) => this.point(event),
            pointerleave: (event) => event.pointerType !== "touch" && this.leave(),
            click: (event) => {
              this.point(event);
              this.pin(store.hovered, event.shiftKey || event.ctrlKey || event.metaKey);
            },
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
      this.figure = h("figure", { class: "vge-pane" }, this.name, this.stage, this.caption, this.legend.wrap);
    }
    refresh() {
      this.view = pointedView(this.store.doc, this.store.state, this.store, this.which);
      this.figure.hidden = !this.view;
    }
    layout() {
      const { image } = this.view;
      this.stage.style.aspectRatio = `${image.width} / ${image.height}`;
      const [left, top, right, bottom] = image.view;
      const share = (value, whole) => `${100 * value / whole}%`;
      Object.assign(this.grid.style, {
        left: share(left, image.width),
        top: share(top, image.height),
        width: share(right - left, image.width),
        height: share(bottom - top, image.height)
      });
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
      this.pictures.paint(context, this.store.state, this.view, this.base.width);
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
      paintShapes(context, shapesOf(sceneOf(this.view), frameOf(this.view, this.over.width)));
    }
    drawWords() {
      const { doc, state, hovered } = this.store;
      const { layer, actives } = this.view;
      this.caption.textContent = captionOf(state, this.view);
      this.name.textContent = state.with ? nameOf(doc, this.which === 0 ? state : state.with) : "";
      this.legend.draw(state, this.view);
      const at = hovered ?? (actives[0] && [actives[0].x, actives[0].y]);
      const node = at ? nodeAt(layer.grid, ...at) : 0;
      this.grid.setAttribute("aria-rowcount", String(layer.grid[0]));
      this.grid.setAttribute("aria-colcount", String(layer.grid[1]));
      this.line.setAttribute("aria-rowindex", String(Math.floor(node / layer.grid[1]) + 1));
      this.cell.setAttribute("aria-colindex", String(node % layer.grid[1] + 1));
      this.cell.setAttribute("aria-selected", String(state.pins.some((each) => nodeAt(layer.grid, ...each) === node)));
      this.cell.setAttribute("aria-label", sentenceOf(state, this.view, node));
    }
    point(event) {
      const box = this.grid.getBoundingClientRect();
      const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      if (at.every((v) => v >= 0 && v <= 1)) this.store.point(this.view.layer.grid, at);
    }
    leave() {
      this.store.point(null, null);
    }
    pin(at, add) {
      const { store } = this;
      store.pin(pinGrid(store), at, store.adding || add);
    }
    walk(event) {
      const { store } = this;
      const { layer, row, actives } = this.view;
      const [rows, cols] = layer.grid;
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
        const clip = (value, top) => Math.min(top - 1, Math.max(0, value));
        const r = clip(Math.floor(from / cols) + step[0], rows);
        const c = clip(from % cols + step[1], cols);
        store.point(layer.grid, centerOf(boxOf(layer.grid, r * cols + c)), { byKeys: true });
      } else if (event.key === "Enter" || event.key === " ") {
        this.pin(store.hovered ?? (actives[0] ? [actives[0].x, actives[0].y] : null), event.shiftKey);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }
  };
  function pinGrid({ doc, state }) {
    return doc.subjects[state.subject].layers.find((layer) => layer.number === state.layer).grid;
  }

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
        const node = nodeAt(grid, ...at);
        if (!byKeys && this.hovered && !this.byKeys && node === nodeAt(grid, ...this.hovered)) return;
        this.hovered = centerOf(boxOf(grid, node));
      } else this.hovered = null;
      this.byKeys = byKeys;
      this.lit = null;
      this.later("over", "panel");
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
  var Strip = class {
    constructor({ h, store, pictures, signal, still }) {
      this.h = h;
      this.store = store;
      this.pictures = pictures;
      this.still = still;
      this.timer = 0;
      this.minis = [];
      this.play = h("button", { type: "button", class: "vge-play", on: { click: () => this.toggle() } });
      this.slider = h("input", {
        type: "range",
        min: 0,
        step: 1,
        "aria-label": "Layer",
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
      const { slider, strip } = this;
      strip.style.maxWidth = slider.style.maxWidth = `${subject.layers.length * 136}px`;
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
        face.style.aspectRatio = `${view.image.width} / ${view.image.height}`;
        mark(button, layer.number === state.layer);
        button.setAttribute(
          "aria-label",
          `Layer ${layer.number} of ${view.subject.depth}, ${layer.grid[0]} by ${layer.grid[1]} patches, ${layer.k} neighbors`
        );
        if (layer.number === state.layer)
          this.strip.scrollLeft = button.offsetLeft - this.strip.offsetLeft - (this.strip.clientWidth - button.offsetWidth) / 2;
        const context = sized(base, face);
        this.pictures.paint(context, state, { ...view, layer }, base.width, {
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
        const edges = edgesFor(state, view, layer, actives, 1);
        const context = sized(mini.over, mini.face);
        const marks = sceneOf({ ...view, layer, actives, edges, hover: null, lit: null }, { mini: true });
        paintShapes(context, shapesOf(marks, frameOf(view, mini.over.width)));
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

  // explorer.js
  var explorers = 0;
  function mount(el2, source, given = {}, onState = () => {
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
      uid: `vge${++explorers}`,
      pictures: new Pictures(doc),
      still: matchMedia("(prefers-reduced-motion: reduce)"),
      touch: matchMedia("(hover: none)")
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
      link: address ? () => address(store.state) : null
    };
    const parts = {
      head: new Head(context),
      controls: new Controls(context, deeds),
      hint: new Hint(context),
      panel: new Panel(context),
      strip: new Strip(context),
      legend: h("p", { class: "vge-legend" }),
      live: new Live(h)
    };
    const root = assemble(h, doc, panes, parts);
    el2.append(root);
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
    const watching = watch(el2, root, panes, store, signal);
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
  function assemble(h, doc, panes, { head, controls, hint, panel, strip, legend, live }) {
    const pictures = h("div", { class: "vge-panes" }, ...panes.map((pane) => pane.figure));
    const body = h(
      "div",
      { class: "vge-body" },
      h("div", { class: "vge-left" }, pictures, legend),
      strip.wrap,
      h("div", { class: "vge-panel" }, panel.wrap)
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
      live.wrap
    );
  }
  function layout(root, state, panes) {
    const two = Boolean(state.with);
    root.dataset.panes = two ? "2" : "1";
    for (const pane of panes) if (pane.view) pane.layout();
    const { image } = panes[0].view;
    root.style.setProperty("--vge-aspect", String(image.width / image.height * (two ? 2 : 1)));
  }
  function drawWords(root, store, panes, { hint, controls, strip, legend, live }) {
    const { state, hovered } = store;
    const shown2 = panes.filter((pane) => pane.view);
    for (const pane of shown2) pane.drawWords();
    strip.drawWords();
    hint.draw();
    controls.drawWords(sheetOf(shown2.map((pane) => pane.view)));
    const { view } = panes[0];
    const width = state.hops > 1 ? "width: product of shares" : "width: share";
    legend.textContent = [width, "star: peak", "ring: asks itself", overlap(view, panes[1].view)].filter(Boolean).join(" · ");
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
  function watch(el2, root, panes, store, signal) {
    const dress = () => {
      const scheme = schemeBehind(el2);
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

  // main.js
  function render({ model: model2, el: el2 }) {
    let api = null;
    let saving = 0;
    const save = (state) => {
      model2.set("state", state);
      clearTimeout(saving);
      saving = window.setTimeout(() => model2.save_changes(), 150);
    };
    const build = () => {
      clearTimeout(saving);
      api?.destroy();
      el2.replaceChildren();
      try {
        api = mount(el2, model2.get("document"), model2.get("state"), save, model2.address);
      } catch (error) {
        api = null;
        el2.textContent = `This explorer cannot be shown: ${error.message}`;
        throw error;
      }
    };
    const follow = () => {
      const state = model2.get("state");
      if (api && JSON.stringify(state) !== JSON.stringify(api.state))
        api.update({ ...DEFAULTS, ...state }, { quiet: true });
    };
    build();
    model2.on("change:document", build);
    model2.on("change:state", follow);
    return () => {
      model2.off("change:document", build);
      model2.off("change:state", follow);
      clearTimeout(saving);
      api?.destroy();
      api = null;
    };
  }

  // page.js
  var { document: shown, state: initial } = JSON.parse(document.getElementById("vizgraph-document").textContent);
  var fromHash = () => ({ ...initial, ...parseHash(location.hash) });
  var values = { document: shown, state: fromHash() };
  var here = () => location.href.replace(/#.*$/, "");
  var listeners = /* @__PURE__ */ new Map();
  var model = {
    get: (key) => values[key],
    set: (key, value) => {
      values[key] = value;
    },
    on: (event, callback) => listeners.set(event, [...listeners.get(event) ?? [], callback]),
    off: (event, callback) => listeners.set(
      event,
      (listeners.get(event) ?? []).filter((each) => each !== callback)
    ),
    address: location.protocol === "about:" ? null : (state) => here() + formatHash(state, initial),
    save_changes: () => {
      try {
        history.replaceState(null, "", formatHash(values.state, initial) || here());
      } catch {
      }
    }
  };
  addEventListener("hashchange", () => {
    values.state = fromHash();
    for (const callback of listeners.get("change:state") ?? []) callback();
  });
  var el = document.getElementById("explorer");
  el.replaceChildren();
  render({ model, el });
})();
