// What the words mean and which keys there are.

/** The first sentence of a layer whose nodes are no grid, or whose neighbors nobody ranked. */
export const LEAD_OF_OTHERS =
  "What a vision graph network looked at: in every layer each node aggregates from others, its neighbors.";
export const LEAD =
  "What a vision graph network looked at: in every layer each patch aggregates from the patches most like it, its neighbors.";

export const KEYS = [
  ["arrows", "move over the patches"],
  ["Home End", "ends of a row"],
  ["Enter", "keep a patch; with Shift add it"],
  ["Esc", "let all go"],
  ["[ ]", "layer before, after"],
  ["1 2 3", "hops"],
  ["o", "its neighbors / who aggregates from it"],
  ["c", "next class"],
  ["p", "play through the layers"],
  ["+ \u2212 0", "zoom in, out, all of it; drag to move"],
  ["f", "full screen"],
];

export const MEANINGS = {
  rank: "place among the neighbors, the nearest in features first, from 1",
  share:
    "share of channels: the part of the patch's channels in which this neighbor has the largest message, which is the one passed on",
  contribution:
    "gradient \u00d7 message over those channels: what they add to the class's score, to first order; + for the class, \u2212 against it",
  effect:
    "what cutting this one edge did to the class's score, all graphs held; \u2212 where the edge held the score up. ? where nobody measured it",
  distance: "how far away it lies, in patches",
};

export const WORDS = [
  ["map", "class activation map: where evidence for the class was read off in this layer"],
  ["peak", "the patch with the map's highest value, a star"],
  ["neighbors", "the k patches most like a patch in this layer, from which it aggregates"],
  [
    "edge",
    "from a neighbor to the patch that aggregates from it, where its head is; as wide as its contribution is large, unless Width says otherwise; broken, with a hollow dot, where it is against the class; a ring is an edge to itself",
  ],
  ...Object.entries(MEANINGS),
  [
    "hyperedge",
    "a group of patches that a patch hears as one: outlined as a set, each patch filled by how much of the group it makes; at most four, those heard most. The table has their members",
  ],
  ["hop", "the neighbors' own neighbors, one layer earlier; the 18 heaviest edges of each further hop are drawn"],
  ["hub", "a patch from which many others aggregate"],
];
