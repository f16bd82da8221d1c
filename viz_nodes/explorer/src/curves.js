// Edges as curves: bent apart, and their outlines.

const BENDS = [0.14, -0.14, 0.05, -0.05, 0.25, -0.25, 0.36, -0.36, 0.48, -0.48];
export const controlOf = (x0, y0, x1, y1, bend) => [(x0 + x1) / 2 - bend * (y1 - y0), (y0 + y1) / 2 + bend * (x1 - x0)];

/** Bend the edges that meet in one place so that they arrive there from different directions; short ones choose first. */
export function fan(edges) {
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

/** Outline of an edge that narrows from its start to its end, in output pixels. */
export function ribbon([x0, y0, cx, cy, x1, y1], wide, narrow) {
  const steps = 14,
    left = [],
    right = [];
  for (let i = 0; i <= steps; i++) {
    const t = i / steps,
      s = 1 - t;
    const x = s * s * x0 + 2 * s * t * cx + t * t * x1,
      y = s * s * y0 + 2 * s * t * cy + t * t * y1;
    let dx = s * (cx - x0) + t * (x1 - cx),
      dy = s * (cy - y0) + t * (y1 - cy);
    const length = Math.hypot(dx, dy) || 1;
    const half = (wide + (narrow - wide) * t) / 2;
    dx *= half / length;
    dy *= half / length;
    left.push([x - dy, y + dx]);
    right.push([x + dy, y - dx]);
  }
  return [...left, ...right.reverse()];
}
