// Places are fractions of what the network saw: (0, 0) its top left corner, (1, 1) its bottom right one.
export const boxOf = ([rows, cols], node) => {
  const row = Math.floor(node / cols),
    col = node % cols;
  return [col / cols, row / rows, (col + 1) / cols, (row + 1) / rows];
};
export const centerOf = (box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
export const nodeAt = ([rows, cols], x, y) => {
  const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value + 1e-6)));
  return clip(y * rows, rows) * cols + clip(x * cols, cols);
};
/** Nodes of a grid that a box covers, as [node, the fraction of the box that the node takes]. */
export function coveredBy([rows, cols], box) {
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
