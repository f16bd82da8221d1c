"""Who is in which hyperedge, and who hears which, taken out while a network runs: what a user writes, as masks.

Two things can be taken out of a layer of a hypergraph: that a node is in a group, and that a node hears a group. Both
have the shapes of an explanation, `LayerExplanation.groups` and `heard`, and the names of `Explanation.hypergraph`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from viz_nodes.capture.edits import NotHeld
from viz_nodes.capture.messages import Seen
from viz_nodes.text import quoted

if TYPE_CHECKING:
    from viz_nodes.capture.edge_masks import LayerEdits
    from viz_nodes.capture.structure import Layer
    from viz_nodes.explanation import Explanation

MEMBERS, HEARD = "members", "heard"


def require_hyperedges(name: str, edges: Any, layer: Layer) -> None:
    """Raise ValueError where what is asked of a layer of a hypergraph names no memberships and nothing heard."""
    how = (
        f'name a mapping of "{MEMBERS}" (B, E, N) and "{HEARD}" (B, N, c) to bool tensors, shaped as `groups` and '
        '`heard` of its explanation, or pairs of its hypergraph: (node, ("group", e)) takes the node out of the group, '
        '(("group", e), node) the group from what the node hears'
    )
    about = f"layer {layer.index + 1} ({layer.name}) hears groups of nodes (hyperedges)"
    if name not in ("cut", "keep"):
        raise ValueError(f"`{name}` must name layers of graphs, and {about}; `cut` and `keep` edit these: {how}")
    if isinstance(edges, Mapping):
        unknown = [key for key in edges if key not in (MEMBERS, HEARD)]
        if not edges or unknown:
            raise ValueError(f"{about}; `{name}` must {how} (got {quoted(list(edges))})")
        return
    pairs = edges if isinstance(edges, Sequence) and not isinstance(edges, str) else [None]
    if not all(_pair_of(pair) is not None for pair in pairs):
        raise ValueError(
            f"{about}, and an edge goes through all groups that hold its sender, so that none can be taken out alone; "
            f"`{name}` must {how}"
        )


def require_same_hyperedges(frozen: Explanation | None, layer: Layer, seen: Seen, members: Tensor) -> None:
    """Raise ValueError where an explanation whose graphs are to be held has other hyperedges than the layer makes.

    Args:
        members: (B, E, N) bool, who is in which group, before anything is taken out.
    """
    explained = None if frozen is None else next((each for each in frozen.layers if each.index == layer.index), None)
    if frozen is None or explained is None or explained.groups is None or explained.heard is None:
        return
    assert frozen.source is not None
    sources = frozen.source.tolist()
    rows = [sources.index(source) for source in sorted(set(sources))]
    held, heard = explained.groups[rows] >= 0, explained.heard[rows]
    images = len(members)
    if len(rows) not in (1, images):
        raise ValueError(f"`frozen` must explain one image or the {images} that run (got {len(rows)})")
    own = (members.cpu(), seen.neighbors.cpu())
    if not all(torch.equal(a.expand(images, *a.shape[1:]), b) for a, b in zip((held, heard), own)):
        raise NotHeld(
            f"`frozen` must hold the hyperedges that layer {layer.index + 1} ({layer.name}) makes itself, for nothing "
            "can stand in for them, and edits before it have changed them; leave it out",
            layer.index + 1,
        )


def kept_members(edits: LayerEdits, members: Tensor, layer: Layer) -> Tensor:
    """(B, E, N) bool, who is left in which group, of those who are (B, E, N)."""
    return members & ~_gone(edits, MEMBERS, members, layer)


def kept_heard(edits: LayerEdits, heard: Tensor, layer: Layer) -> Tensor:
    """(B, N, c) bool, which of the groups it hears (B, N, c) each node still does."""
    return (heard >= 0) & ~_gone(edits, HEARD, heard, layer)


def _gone(edits: LayerEdits, what: str, values: Tensor, layer: Layer) -> Tensor:
    gone = torch.zeros(values.shape, dtype=torch.bool, device=values.device)
    if edits.keep is not None and _says(edits.keep, what):
        gone |= ~_mask("keep", edits.keep, what, values, layer)
    if edits.cut is not None:
        gone |= _mask("cut", edits.cut, what, values, layer)
    return gone


def _says(edges: Any, what: str) -> bool:
    """Whether anything is said of memberships, or of what is heard: what nobody named is left as it is."""
    if isinstance(edges, Mapping):
        return what in edges
    return any(kind == what for kind, *_ in map(_pair_of, edges))  # type: ignore[misc]


def _mask(name: str, edges: Any, what: str, values: Tensor, layer: Layer) -> Tensor:
    """Bool of the shape of `values`, what a user named of it."""
    mask = torch.zeros(values.shape, dtype=torch.bool, device=values.device)
    if isinstance(edges, Mapping):
        if what not in edges:
            return mask
        named = torch.as_tensor(edges[what])
        named = named[None] if named.ndim == 2 else named
        shape = tuple(values.shape)
        if named.dtype != torch.bool or tuple(named.shape) not in (shape, (1, *shape[1:])):
            raise ValueError(
                f'`{name}` must hold a bool tensor {shape[1:]} or {shape} as "{what}" for layer {layer.index + 1} '
                f"(got {tuple(named.shape)}, {named.dtype})"
            )
        return named.to(values.device).expand(shape)
    for pair in edges:
        kind, group, node = _pair_of(pair)  # type: ignore[misc]
        if kind != what:
            continue
        groups, nodes = values.shape[1:] if what == MEMBERS else (group + 1, values.shape[1])
        hit = values.new_zeros(1)
        if 0 <= group < groups and 0 <= node < nodes:
            at = (slice(None), group, node) if what == MEMBERS else (slice(None), node)
            hit = values[at] if what == MEMBERS else values[at] == group
            mask[at] |= hit
        if not bool(hit.any()):
            raise ValueError(
                f"`{name}` must name hyperedges of layer {layer.index + 1} (got {quoted(pair)}, which is none)"
            )
    return mask


def _pair_of(pair: Any) -> tuple[str, int, int] | None:
    """What a pair of a hypergraph names: (MEMBERS or HEARD, group, node); None for anything else."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        return None
    first, second = (end[1] if _is_group(end) else end for end in pair)
    named = [_is_group(end) for end in pair]
    if sum(named) != 1 or not all(hasattr(end, "__index__") for end in (first, second)):
        return None
    return (MEMBERS, int(second), int(first)) if named[1] else (HEARD, int(first), int(second))


def _is_group(end: Any) -> bool:
    return isinstance(end, tuple) and len(end) == 2 and end[0] == "group"
