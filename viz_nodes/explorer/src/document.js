// The document that Python hands over, with arrays in place of text.

import { Regions } from "./regions.js";

const ARRAYS = { int16: Int16Array, int32: Int32Array, uint16: Uint16Array };
const UNKNOWN = { int16: -32768, uint16: 65535 };

/** Undo `viz_nodes.explorer.packing`: integers as they are, scaled values as floats, NaN where the value is unknown. */
export function unpack(packed) {
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

function regionsOf({ corners, counts, loops, middles, spots, ...plain }) {
  const arrays = Object.entries({ corners, counts, loops, middles, spots }).map(([key, packed]) => [
    key,
    unpack(packed),
  ]);
  return new Regions({ ...plain, key: corners.data, ...Object.fromEntries(arrays) });
}

/** The document with arrays in place of text; the document itself is left as it is. */
export function opened(doc) {
  if (doc.format !== 1) throw new Error(`this explorer reads documents of format 1 (got ${doc.format})`);
  const subjects = doc.subjects.map((subject) => {
    const regions = (subject.regions ?? []).map((packed) => regionsOf(packed));
    const layers = subject.layers.map((layer, place) => {
      const { neighbors, share, distance, candidates, candidate_distance, groups, heard, heard_share, ...plain } =
        layer;
      const ranked = { neighbors, share, distance, candidates, candidate_distance };
      const arrays = Object.entries({ ...ranked, groups, heard, heard_share });
      const packed = Object.fromEntries(arrays.filter(([, array]) => array));
      if (plain.regions !== undefined) {
        const grid = Object.assign([...plain.grid], { regions: regions[plain.regions] });
        Object.assign(plain, { grid, key_grid: grid });
      }
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
