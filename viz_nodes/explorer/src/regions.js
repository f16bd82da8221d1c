// Nodes that are no grid: superpixels, cells, boxes. Each is a region with outlines, in fractions of what the network saw.

/** Pixels along the longer side of a map of regions. */
const SIDE = 640;

/**
 * The regions of a layer's nodes. A box of one is [left, top, right, bottom] with more to it: its `node`, the `loops`
 * around it (flat x, y, ...), its `middle`, a `spot` that belongs to no other node, and the `cell` that marks fit in.
 */
export class Regions {
  /** @param {any} arrays see `viz_nodes.explorer.regions`; `key` is what tells these from others. */
  constructor({ key, size, pitch, corners, counts, loops, middles, spots }) {
    this.size = size;
    this.pitch = pitch;
    this.key = key;
    const cell = [pitch / size[1], pitch / size[0]];
    this.boxes = [];
    let [at, loop] = [0, 0];
    loops.forEach((count, node) => {
      const outlines = Array.from({ length: count }, () => {
        const outline = corners.subarray(2 * at, 2 * (at + counts[loop]));
        at += counts[loop++];
        return outline;
      });
      const pair = (values) => [values[2 * node], values[2 * node + 1]];
      const box = Object.assign(bounds(outlines), {
        node,
        loops: outlines,
        middle: pair(middles),
        spot: pair(spots),
        cell,
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
    return this.boxes.reduce((best, box) => (away(box) < away(best) ? box : best)).node;
  }

  /** The nearest node that lies in a direction from another; that one itself where there is none. */
  beside(node, down, across) {
    if (Math.abs(across) > 1 || Math.abs(down) > 1) return across < 0 || down < 0 ? 0 : this.boxes.length - 1;
    const [x, y] = this.boxes[node].middle;
    let [best, least] = [node, Number.POSITIVE_INFINITY];
    for (const { middle, node: other } of this.boxes) {
      const [dx, dy] = [(middle[0] - x) * this.size[1], (middle[1] - y) * this.size[0]];
      const [along, aside] = across ? [dx * across, Math.abs(dy)] : [dy * down, Math.abs(dx)];
      // Of regions with one middle, those after it are right of it and below.
      const atOnce = dx === 0 && dy === 0 && (across + down > 0 ? other > node : other < node);
      if (other === node || !(atOnce || along > 0) || aside > along) continue;
      if (along + aside < least) [best, least] = [other, along + aside];
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
      // What lies below a smaller region is not seen through it.
      context.globalCompositeOperation = "destination-out";
      context.fill("evenodd");
      context.globalCompositeOperation = "source-over";
      context.fillStyle = colorOf(box.node);
      context.fill("evenodd");
    }
    return canvas;
  }
}

/** The outlines of a region as paths of a context, on a picture whose corner and size are given. */
export function trace(context, { loops }, left, top, width, height) {
  for (const loop of loops) {
    for (let i = 0; i < loop.length; i += 2) {
      const [x, y] = [left + loop[i] * width, top + loop[i + 1] * height];
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    context.closePath();
  }
}

/** Whether a place lies in a region, by the even-odd rule. */
export function holds(box, x, y) {
  if (x < box[0] || x > box[2] || y < box[1] || y > box[3]) return false;
  let inside = false;
  for (const loop of box.loops) {
    for (let i = 0, j = loop.length - 2; i < loop.length; j = i, i += 2) {
      const [x1, y1, x2, y2] = [loop[i], loop[i + 1], loop[j], loop[j + 1]];
      if (y1 > y !== y2 > y && x < x1 + ((x2 - x1) * (y - y1)) / (y2 - y1)) inside = !inside;
    }
  }
  return inside;
}

function bounds(loops) {
  const box = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const loop of loops) {
    loop.forEach((value, i) => {
      box[i % 2] = Math.min(box[i % 2], value);
      box[2 + (i % 2)] = Math.max(box[2 + (i % 2)], value);
    });
  }
  return box;
}

/** Holes are walked the other way round than what they are holes of. */
function areaOf({ loops }) {
  let twice = 0;
  for (const loop of loops) {
    for (let i = 0, j = loop.length - 2; i < loop.length; j = i, i += 2)
      twice += loop[j] * loop[i + 1] - loop[i] * loop[j + 1];
  }
  return Math.abs(twice);
}
