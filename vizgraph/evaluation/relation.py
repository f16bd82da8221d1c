"""Where a network keeps a relation: the scenes of two digits far apart, whose label is in neither of them.

Three questions of one network. Do the edges that join the two objects stand out, by which method, in which layer
(`joining_edges`)? Does the answer need them (`without_edges`)? And if not, where do the two objects meet: what nodes of
one object know of the other (`known_of_the_other`), and what the head makes of halves that never met (`strangers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

import viz_nodes
from viz_nodes.capture import edit_edges
from viz_nodes.explanation import LayerExplanation
from viz_nodes.metrics.edge_scores import OPTIONAL, SIGNED, edge_scores, importance
from viz_nodes.metrics.known_truth import DUMMY, auroc, image_gradients
from viz_nodes.text import quoted
from vizgraph.data import prepare
from vizgraph.data.scenes import Relations, RelationScene

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("rank", "distance", "cosine", "share", "contribution", "effect", "gradient", "integrated", "random", DUMMY)
"""What orders edges: of `viz_nodes.metrics.edge_scores.METHODS`, and the dummy that looks at the image alone."""
COVERED = 0.3
"""A node is one of an object's where the object covers this much of its patch, or more."""
CUTS = ("nothing", "joining", "as many into objects", "as many at random", "across", "as many as across", "everything")
EDGE_COLUMNS = ("scene", "same", "layer", "method", "against", "auroc", "signed", "joining", "others")
CUT_COLUMNS = ("scene", "same", "cut", "layer", "graphs", "edges", "right", "right_relation", "change")
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Objects:
    """Which nodes are whose, of a batch of scenes.

    Attributes:
        nodes: (B, N) int64: 0 and 1 for nodes of the first and the second object, -1 for the others.
        halves: (B, N) int64, 0 or 1: to which of the objects each node is nearer.
    """

    nodes: Tensor
    halves: Tensor

    def joining(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) bool, the edges from one object to the other."""
        center, sent = self._ends(neighbors, self.nodes)
        return (center >= 0) & (sent >= 0) & (center != sent)

    def into(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) bool, the edges into nodes of either object, but for those from a node to itself."""
        center, _ = self._ends(neighbors, self.nodes)
        itself = neighbors == torch.arange(neighbors.shape[1])[None, :, None]
        return (center >= 0) & ~itself

    def within(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) bool, the edges between nodes of one object, but for those from a node to itself."""
        center, sent = self._ends(neighbors, self.nodes)
        return self.into(neighbors) & (center == sent)

    def across(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) bool, the edges from one half of the image to the other."""
        center, sent = self._ends(neighbors, self.halves)
        return center != sent

    @staticmethod
    def _ends(neighbors: Tensor, what: Tensor) -> tuple[Tensor, Tensor]:
        """What center and neighbor are, (B, N, 1) and (B, N, k)."""
        index = neighbors.flatten(1)
        return what[:, :, None], what.expand(len(neighbors), -1).gather(1, index).view(neighbors.shape)


def objects_of(scenes: Sequence[RelationScene], layer: LayerExplanation) -> Objects:
    """Whose the nodes of a layer are; a node that both objects cover is nobody's.

    Raises:
        ValueError: the layer's neighbors are no nodes of its own grid.
    """
    if layer.pooled:
        raise ValueError(f"layer {layer.number} must ask nodes of its own grid, and asks pooled ones")
    size = scenes[0].image.shape[:2]
    regions = layer.regions(size)
    middles = regions.centers()
    nodes, halves = [], []
    for scene in scenes:
        on = np.stack([regions.covered(mask) for mask in scene.masks]) >= COVERED
        whose = np.where(on.all(0) | ~on.any(0), -1, on.argmax(0))
        places = [np.argwhere(mask).mean(0)[::-1] + 0.5 for mask in scene.masks]
        away = np.stack([np.hypot(*(middles - place).T) for place in places])
        nodes.append(whose)
        halves.append(away.argmin(0))
    return Objects(torch.tensor(np.stack(nodes)), torch.tensor(np.stack(halves)))


def _pixels(scenes: Sequence[RelationScene], model: nn.Module) -> Tensor:
    return torch.cat([prepare(scene.image, model).pixels for scene in scenes])


def joining_edges(
    model: nn.Module,
    scenes: Relations,
    *,
    methods: Sequence[str] = METHODS,
    only: Sequence[int] | None = None,
    seed: int = 0,
) -> Iterator[list[dict[str, Any]]]:
    """How well each method tells the edges that join the objects from the others into the objects' nodes.

    The score explained is the logit of the class that is named less that of the next one; where the digits are the
    same and this is seen, it is "two of it" against "different" or the nearest rival.

    Args:
        model: a network trained on the relation task.
        scenes: what is explained; those that it names wrongly are left out.
        methods: of `METHODS`, and "gnnexplainer".
        only: which of the scenes; None for all.
        seed: of what is random.

    Yields:
        For each scene a line for each layer (from 0), method and `against`: "others" are all other edges into nodes
        of an object, "within" those from the same object. `auroc` is how often a joining edge matters more, for or
        against, NaN where either kind is missing; `signed` how often it speaks more for the class, of scores with a
        sign; `joining` and `others` are their numbers.
    """
    for at in range(len(scenes)) if only is None else only:
        scene = scenes.scene(at)
        pixels = _pixels([scene], model)
        with torch.no_grad():
            first, second = model(pixels)[0].topk(2).indices.tolist()
        if first != scene.label:
            continue
        exp = viz_nodes.explain(model, pixels, target=first, versus=second)
        # Masks are learned for one class of the softmax, against all others.
        learned = [method for method in methods if method in OPTIONAL]
        alone = viz_nodes.explain(model, pixels, target=first) if learned else exp
        kept: dict[Any, Any] = {}
        lines = []
        for layer in exp.layers:
            objects = objects_of([scene], layer)
            joins, into, within = (getattr(objects, kind)(layer.neighbors)[0] for kind in ("joining", "into", "within"))
            centers = (objects.nodes[0] >= 0).nonzero()[:, 0].tolist()
            asked = [method for method in methods if method not in (DUMMY, *OPTIONAL)]
            scores = edge_scores(model, pixels, exp, layer.index, asked, nodes=centers, seed=seed, kept=kept)
            if learned:
                scores |= edge_scores(model, pixels, alone, layer.index, learned, seed=seed, kept=kept)
            if DUMMY in methods:
                change = image_gradients(pixels, layer, exp.image_size, keys=True)
                scores[DUMMY] = torch.from_numpy(change)[layer.neighbors[0]]
            for method in methods:
                order = scores[method]
                size = importance(method, order)
                for against, others in (("others", into & ~joins), ("within", within)):
                    chosen = joins | others
                    area = auroc(size[chosen], joins[chosen])
                    signed = auroc(order[chosen], joins[chosen]) if method in SIGNED else float("nan")
                    line = (at, scene.same, layer.index, method, against, area, signed)
                    lines.append(dict(zip(EDGE_COLUMNS, (*line, int(joins.sum()), int(others.sum())))))
        yield lines


def without_edges(
    model: nn.Module, scenes: Relations, *, cuts: Sequence[str] = CUTS, by_layer: bool = True, seed: int = 0
) -> Iterator[list[dict[str, Any]]]:
    """What is left of the answer when edges are cut, in all layers and in one layer at a time.

    Args:
        model: a network trained on the relation task.
        scenes: what it is asked.
        cuts: "nothing", "joining" (edges from one object to the other), "as many into objects" and "as many at
            random" (of the other edges into nodes of an object, and of all others, in each layer), "across" (from the
            half of the image that is nearer to one object to the other), "as many as across", "everything".
        by_layer: whether to cut each layer alone, too.
        seed: of what is random.

    Yields:
        For each scene a line for each cut, layer (None for all of them) and kind of graphs: "frozen" as they were,
        or "rebuilt" from features without the edges cut before. `edges` is how many of all edges were cut, `right` and
        `right_relation` whether the class, and whether same or not, is still told; `change` that of the logit of the
        true class less that of the greatest other.
    """
    for start in range(0, len(scenes), _BATCH):
        part = [scenes.scene(at) for at in range(start, min(start + _BATCH, len(scenes)))]
        pixels, labels = _pixels(part, model), torch.tensor([scene.label for scene in part])
        exp = viz_nodes.explain(model, pixels)
        objects = objects_of(part, exp.layer(0))
        whole = _margin(exp.logits, labels)
        lines: list[list[dict[str, Any]]] = [[] for _ in part]
        for layer, cut, graphs in _asked(cuts, exp.depth, by_layer):
            places = range(exp.depth) if layer is None else [layer]
            gone = {place: _Cut(cut, objects, seed + 101 * place) for place in places}
            edit = edit_edges(model, cut=dict(gone), frozen=exp if graphs == "frozen" else None)
            with torch.no_grad(), edit:
                logits = model(pixels).cpu()
            margin, named = _margin(logits, labels), logits.argmax(1)
            counts = torch.stack([each.counts for each in gone.values()]).sum(0)
            for row, scene in enumerate(part):
                answer = int(named[row])
                values = (
                    *(start + row, scene.same, cut, layer, graphs, int(counts[row])),
                    *(answer == scene.label, (answer > 0) == scene.same, float(margin[row] - whole[row])),
                )
                lines[row].append(dict(zip(CUT_COLUMNS, values)))
        yield from lines


def _asked(cuts: Sequence[str], depth: int, by_layer: bool) -> Iterator[tuple[int | None, str, str]]:
    """Layer (None for all), cut and graphs. In one layer alone graphs are held, and cutting nothing says nothing."""
    for cut in cuts:
        yield from ((None, cut, graphs) for graphs in ("frozen", "rebuilt"))
    for layer in range(depth) if by_layer else ():
        yield from ((layer, cut, "frozen") for cut in cuts if cut != "nothing")


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    """(B,) the logit of the true class less the greatest other."""
    own = logits.gather(1, labels[:, None])[:, 0]
    return own - logits.scatter(1, labels[:, None], -torch.inf).max(1).values


class _Cut:
    """What is cut of the neighbors of a layer, as `edit_edges` asks for it; remembers how many edges that were."""

    def __init__(self, kind: str, objects: Objects, seed: int) -> None:
        if kind not in CUTS:
            raise ValueError(f"`cuts` must be among {', '.join(CUTS)} (got {quoted(kind)})")
        self.kind, self.objects, self.seed = kind, objects, seed
        self.counts = torch.zeros(len(objects.nodes), dtype=torch.int64)

    def __call__(self, neighbors: Tensor) -> Tensor:
        neighbors = neighbors.cpu()
        kind, objects = self.kind, self.objects
        if kind in ("nothing", "everything"):
            mask = torch.full(neighbors.shape, kind == "everything")
        elif kind in ("joining", "across"):
            mask = getattr(objects, kind)(neighbors)
        else:
            like = objects.across(neighbors) if kind == "as many as across" else objects.joining(neighbors)
            others = ~like & (neighbors != torch.arange(neighbors.shape[1])[None, :, None])
            mask = self._as_many(like, others & objects.into(neighbors) if kind == "as many into objects" else others)
        self.counts = mask.sum((1, 2))
        return mask

    def _as_many(self, like: Tensor, others: Tensor) -> Tensor:
        """As many others in each image, or all where there are fewer."""
        generator = torch.Generator().manual_seed(self.seed)
        dice = torch.rand(like.shape, generator=generator).masked_fill(~others, 2.0).flatten(1)
        places = dice.argsort(1).argsort(1)
        most = torch.minimum(like.sum((1, 2)), others.sum((1, 2)))
        return (places < most[:, None]).view(like.shape)


def features_by_layer(model: Any, scenes: Relations) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
    """What there is behind each block of a network of one grid, and whose the nodes are.

    Returns:
        (n, N, C) features behind the position embedding and behind each block; (n, N) nodes of objects as in
        `Objects`; (n, N) halves; (n, 2) digits.
    """
    by_layer: list[list[Tensor]] = []
    nodes, halves, digits = [], [], []
    for start in range(0, len(scenes), _BATCH):
        part = [scenes.scene(at) for at in range(start, min(start + _BATCH, len(scenes)))]
        pixels = _pixels(part, model)
        objects = objects_of(part, viz_nodes.explain(model, pixels[:1], layers=[0]).layers[0])
        with torch.no_grad():
            before = model._embed(pixels)
            _, after = model.forward_intermediates(pixels)
        by_layer.append([each.flatten(2).transpose(1, 2).cpu() for each in (before, *after)])
        nodes.append(objects.nodes)
        halves.append(objects.halves)
        digits.append(torch.tensor([scene.digits for scene in part]))
    features = [torch.cat(layer) for layer in zip(*by_layer)]
    return features, torch.cat(nodes), torch.cat(halves), torch.cat(digits)


def known_of_the_other(model: Any, fit: Relations, test: Relations) -> pd.DataFrame:
    """What the nodes of one object know of the other's digit, layer by layer, read by a linear probe.

    A logistic regression reads a digit off the mean features of one object's nodes. "own" is that object's digit,
    "other" the other object's, of scenes whose digits differ, so that the own one does not tell it: 1 in 4 by chance.

    Args:
        model: a network of one grid, trained on the relation task.
        fit: scenes that the probes are fitted to.
        test: scenes that they are tried on.

    Returns:
        A line for each test object, layer (0 is before the first graph layer) and `digit`: `scene`, `right`.
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    seen = [_means(*features_by_layer(model, scenes)) for scenes in (fit, test)]
    lines = []
    for layer, (known, asked) in enumerate(zip(seen[0][0], seen[1][0])):
        center, scale = known.mean(0), known.std(0) + 1e-6
        for digit, column in (("own", 1), ("other", 2)):
            rows = [np.ones(len(each[1]), bool) if digit == "own" else each[1] != each[2] for each in seen]
            probe = LogisticRegression(max_iter=2000, C=0.1)
            probe.fit((known[rows[0]] - center) / scale, seen[0][column][rows[0]])
            right = probe.predict((asked[rows[1]] - center) / scale) == seen[1][column][rows[1]]
            lines += [
                {"scene": int(scene), "layer": layer, "digit": digit, "right": bool(each)}
                for scene, each in zip(seen[1][3][rows[1]], right)
            ]
    return pd.DataFrame(lines)


def _means(
    features: list[Tensor], nodes: Tensor, halves: Tensor, digits: Tensor
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Mean features of each object's nodes by layer (2 n, C), own digits, the other's, and scenes (2 n,)."""
    whose = torch.stack([nodes == 0, nodes == 1], 1).float()
    weights = whose / whose.sum(2, keepdim=True).clamp(min=1)
    means = [(weights @ layer).flatten(0, 1).numpy() for layer in features]
    return means, digits.flatten().numpy(), digits.flip(1).flatten().numpy(), np.arange(len(nodes)).repeat(2)


def strangers(model: Any, scenes: Relations) -> list[dict[str, Any]]:
    """What the head says of halves that have never met: one object's half of each scene, the other's of the next.

    Features behind the last block are put together only in the mean that the head is given. Where the answer is still
    right, the head compares; the graph need not.

    Returns:
        A line for each pair: `scene`, `same`, `pair` ("together": both halves of the scene; "strangers"), `right`,
        `right_relation`.
    """
    features, _, halves, digits = features_by_layer(model, scenes)
    last = features[-1]
    parts = torch.stack([(last * (halves == which)[..., None]).sum(1) for which in (0, 1)])
    lines = []
    for pair, shift in (("together", 0), ("strangers", -1)):
        pooled = (parts[0] + parts[1].roll(shift, 0)) / last.shape[1]
        with torch.no_grad():
            place = next(model.parameters())
            named = model.prediction(pooled[:, :, None, None].to(place)).flatten(1).argmax(1).cpu()
        first, second = digits[:, 0], digits[:, 1].roll(shift, 0)
        label = torch.where(first == second, first + 1, 0)
        for scene, (answer, true) in enumerate(zip(named.tolist(), label.tolist())):
            values = (scene, true > 0, pair, answer == true, (answer > 0) == (true > 0))
            lines.append(dict(zip(("scene", "same", "pair", "right", "right_relation"), values)))
    return lines
