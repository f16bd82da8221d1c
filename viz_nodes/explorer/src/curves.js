// Edges as curves: bent apart, kept inside the picture, and their outlines with heads.

const BENDS = [0.14, -0.14, 0.05, -0.05, 0.25, -0.25, 0.36, -0.36, 0.48, -0.48, 0];
/** More edges at one place than this are not bent apart one by one. */
const MOST_APART = 40;
const STEPS = 16;

/** The control point of a curve between two places of a view that is `aspect` times as wide as high. */
export const controlOf = (x0, y0, x1, y1, bend, aspect = 1) => [
  (x0 + x1) / 2 - (bend * (y1 - y0)) / aspect,
  (y0 + y1) / 2 + bend * (x1 - x0) * aspect,
];

/** How far a curve leaves the view at its widest: 0 where it stays inside. */
export function leaves(edge, bend, aspect) {
  const [cx, cy] = controlOf(edge.x0, edge.y0, edge.x1, edge.y1, bend, aspect);
  let out = 0;
  for (let i = 1; i < STEPS; i++) {
    const [x, y] = along([edge.x0, edge.y0, cx, cy, edge.x1, edge.y1], i / STEPS);
    out = Math.max(out, -x, x - 1, -y, y - 1);
  }
  return out;
}

/**
 * Bend the edges that meet in one place so that they arrive there from different directions; short ones choose first.
 * No curve leaves the view: between two places inside it a straight line never does.
 */
export function fan(edges, aspect = 1) {
  const meeting = new Map();
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
  const apart = Math.min(0.5, (0.9 * 2 * Math.PI) / group.length);
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
        const gap = Math.abs(((angle - other + 3 * Math.PI) % (2 * Math.PI)) - Math.PI);
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

/** The point of a quadratic curve at `t`, 0 to 1. */
export function along([x0, y0, cx, cy, x1, y1], t) {
  const s = 1 - t;
  return [s * s * x0 + 2 * s * t * cx + t * t * x1, s * s * y0 + 2 * s * t * cy + t * t * y1];
}

/** The part of a curve that begins `skip` after its start and ends `spare` before its end, as points, in its units. */
export function trimmed(points, skip, spare) {
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
      ends.findIndex((end) => end >= length),
    );
    const part = (length - ends[i - 1]) / (ends[i] - ends[i - 1] || 1);
    return line[i].map((value, axis) => line[i - 1][axis] + part * (value - line[i - 1][axis]));
  };
  const first = Math.min(skip, 0.45 * total);
  const last = Math.max(total - spare, total - 0.45 * total);
  return [place(first), ...line.filter((_, i) => ends[i] > first && ends[i] < last), place(last)];
}

/**
 * Outline of an edge along `line`: a shaft that narrows to half, then a head.
 *
 * @param {number[][]} line points in output pixels, from the start to the head's tip.
 * @param {number} width of the shaft at its start.
 * @param {{ long: number, wide: number } | null} head null for none.
 */
export function arrow(line, width, head) {
  const total = lengthOf(line);
  return outline(line, width, head, total, 0);
}

const lengthOf = (line) =>
  line.reduce((sum, [x, y], i) => (i ? sum + Math.hypot(x - line[i - 1][0], y - line[i - 1][1]) : 0), 0);

/**
 * The outlines of the pieces of an edge whose shaft is broken once or more often, as in figures; the last has the head.
 *
 * @param {number[][]} line as `arrow` takes it.
 * @param {number} width
 * @param {{ long: number, wide: number } | null} head
 * @param {number} unit of the picture.
 */
export function broken(line, width, head, unit) {
  const total = lengthOf(line);
  const shaft = Math.min(total, Math.max(0.35 * total, total - (head?.long ?? 0)));
  const gap = Math.min(Math.max(2.6 * unit, 0.6 * width), 0.4 * shaft);
  const count = Math.max(1, Math.round(shaft / Math.max(9 * unit, 2.2 * width)));
  const dash = (shaft - count * gap) / (count + 1);
  return Array.from({ length: count + 1 }, (_, number) => {
    const first = number * (dash + gap);
    const last = number === count ? total : first + dash;
    return outline(between(line, first, last), width, number === count ? head : null, total, first);
  });
}

/** The part of a line between two lengths from its start. */
function between(line, first, last) {
  const points = [];
  let done = 0;
  for (let i = 1; i < line.length; i++) {
    const [[x0, y0], [x1, y1]] = [line[i - 1], line[i]];
    const step = Math.hypot(x1 - x0, y1 - y0);
    const at = (length) => [x0 + ((length - done) / step) * (x1 - x0), y0 + ((length - done) / step) * (y1 - y0)];
    const end = done + step;
    if (step && end >= first && done <= last) {
      if (!points.length) points.push(at(Math.max(first, done)));
      points.push(at(Math.min(last, end)));
    }
    done = end;
  }
  return points;
}

/** The outline of an edge that is `whole` long, or of a piece of it that begins `skipped` after its start. */
function outline(line, width, head, whole, skipped) {
  const total = lengthOf(line);
  const neck = Math.max(total - (head?.long ?? 0), 0.35 * whole - skipped, 0);
  const left = [];
  const right = [];
  /** @param {number[]} at @param {number[]} direction @param {number} half */
  const side = ([x, y], [dx, dy], half) => {
    left.push([x - dy * half, y + dx * half]);
    right.push([x + dy * half, y - dx * half]);
  };
  let done = 0;
  for (let i = 0; i < line.length; i++) {
    const [before, after] = [line[Math.max(0, i - 1)], line[Math.min(line.length - 1, i + 1)]];
    if (i) done += Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]);
    const direction = unit(before, after);
    const half = (width / 2) * (1 - 0.5 * ((skipped + done) / (whole || 1)));
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

/** @param {number[]} from @param {number[]} to */
function unit([x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  return [(x1 - x0) / length, (y1 - y0) / length];
}
