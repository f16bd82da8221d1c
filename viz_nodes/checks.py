"""What can be said for sure of a network: its graph layers, their edges and places, and that a cut is exact."""

from __future__ import annotations

import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.editing import edit_edges
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.model_state import eval_mode, name_of, random_state_kept, unwrap
from viz_nodes.capture.outputs import tensors_of
from viz_nodes.capture.verification import LayerProof, verify
from viz_nodes.capture.whereabouts import MisplacedNodes
from viz_nodes.explainer import explain
from viz_nodes.explanation import Explanation, LayerExplanation

COLUMNS = ("network", "graph layers", "aggregation", "edges proven", "places proven", "zero-share cut", "not known")
"""Of a table of checks."""


def table_row(cells: Sequence[str]) -> str:
    """Cells as a row of a table in Markdown."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


HEADER = table_row(COLUMNS) + "\n" + table_row(("---",) * len(COLUMNS))
"""Above the rows of a table of checks."""


@dataclass(frozen=True)
class LayerCheck:
    """What can be said for sure of one graph layer.

    Attributes:
        index: its place among the network's graph layers, from 0.
        name: module path.
        conv: how it aggregates, as `viz_nodes.LayerExplanation.conv`.
        grid: (H, W) of its nodes.
        edges: whether its edges are proven to be those it used.
        error: largest difference between what it consumed and what its edges lead to; NaN where nothing was compared.
        placed: whether its nodes are proven to lie where they are drawn; None where nothing could be seen.
        unknown: what is not known of it.
        note: what was found of its places, and what was tried where its edges are not proven; "" for nothing.
    """

    index: int
    name: str
    conv: str
    grid: tuple[int, int]
    edges: bool
    error: float
    placed: bool | None
    unknown: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Check:
    """What can be said for sure of a network; printed, it is one row of a table in Markdown (`HEADER` stands above).

    Attributes:
        model: its name.
        layers: its graph layers.
        cut_exact: whether the network's output stays the same to the bit when all edges of share 0 are cut; None where
            no layer could be cut.
        cut: how many edges of share 0 there were.
        problem: why the network could not be looked at or explained, "" where it could.
        uncut: why the edges of some layers could not be cut.
        points: whether there is no image, but points or the nodes of a graph, that lie on none.
        random: whether it draws random numbers, and answers differently each time; cuts were then compared with the
            same numbers drawn.
    """

    model: str
    layers: tuple[LayerCheck, ...] = ()
    cut_exact: bool | None = None
    cut: int = 0
    problem: str = ""
    uncut: tuple[str, ...] = ()
    points: bool = False
    random: bool = False

    @property
    def edges_proven(self) -> int:
        """In how many layers the edges are proven."""
        return sum(layer.edges for layer in self.layers)

    @property
    def places_proven(self) -> int:
        """In how many layers the places are proven."""
        return sum(layer.placed is True for layer in self.layers)

    @property
    def places_refuted(self) -> int:
        """In how many layers nodes are proven to lie elsewhere than where they would be drawn."""
        return sum(layer.placed is False for layer in self.layers)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What is not known of some layer, each once."""
        return tuple(dict.fromkeys(words for layer in self.layers for words in layer.unknown))

    @property
    def in_full(self) -> bool:
        """Whether everything is proven in every layer, of places where there is an image for nodes to lie on."""
        count = len(self.layers)
        proven = self.edges_proven == count > 0 and (self.points or self.places_proven == count)
        return proven and self.cut_exact is True and not self.problem

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        counts = {"edges_proven": self.edges_proven, "places_proven": self.places_proven, "in_full": self.in_full}
        return asdict(self) | counts | {"unknown": list(self.unknown)}

    @property
    def cut_words(self) -> str:
        """What became of the output when all edges of share 0 were cut."""
        if self.cut_exact is None:
            return "cannot be cut" if self.uncut else "-"
        if not self.cut_exact:
            return "**changes the output**"
        return "bit-exact" if self.cut else "no edge has share 0"

    @property
    def cells(self) -> tuple[str, ...]:
        """Of a row of the table with `COLUMNS`; the numbers of edges, which depend on the processor, are left out."""
        count = len(self.layers)
        kinds = ", ".join(dict.fromkeys(layer.conv for layer in self.layers)) or "-"
        places = f"{self.places_proven} of {count}"
        places += f", {self.places_refuted} **refuted**" if self.places_refuted else ""
        places = "no image" if self.points else places
        random = ("it draws random numbers and answers differently each time",) if self.random else ()
        problem = (self.problem,) if self.problem else ()
        words = "; ".join((*self.unknown, *random, *problem)) or "-"
        edges = f"{self.edges_proven} of {count}" if count else "-"
        return (self.model, str(count), kinds, edges, places if count else "-", self.cut_words, words)

    def __str__(self) -> str:
        return table_row(self.cells)


def check(
    model: nn.Module,
    pixels: Any,
    *,
    adapter: Adapter | Sequence[Adapter] | None = None,
    target: Any = None,
    output: Any = None,
    places: Any = None,
) -> Check:
    """Look at a network as if for the first time, and say what is proven of it and what is not known.

    Args:
        model, pixels, adapter, target, output, places: as for `explain`.

    Returns:
        The check. A network without a graph layer that is known, or whose output cannot be explained as it is, is one
        with a `problem`, not an error.

    Raises:
        TypeError: the model is no module, or pixels are no tensors.
    """
    network = unwrap(model)
    inputs = prepare(network, pixels)
    try:
        proofs = verify(network, pixels, adapter=adapter, places=places)
    except ValueError as error:
        return Check(name_of(network), problem=_first_line(error))

    def explained() -> Explanation:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MisplacedNodes)
            return explain(network, pixels, target=target, output=output, adapter=adapter, places=places)

    try:
        exp = explained()
    except (ValueError, TypeError) as error:
        layers = tuple(_checked(proof, None, inputs.points) for proof in proofs)
        return Check(name_of(network), layers, problem=_first_line(error), points=inputs.points)
    same = [layer.name for layer in exp.layers] == [proof.name for proof in proofs]
    of_name = {layer.name: layer for layer in exp.layers}
    of_proofs = exp.layers if same else [of_name.get(proof.name) for proof in proofs]
    layers = tuple(_checked(proof, layer, inputs.points) for proof, layer in zip(proofs, of_proofs))
    found_so_far = Check(name_of(network), layers, points=inputs.points)
    with eval_mode(network, grad=False):
        repeats = _same(inputs.run(network), inputs.run(network))
    if repeats:
        return _cut(found_so_far, network, inputs, exp, adapter, nullcontext)
    drawing = partial(_same_random_numbers, network)
    with drawing():
        exp = explained()
    return _cut(replace(found_so_far, random=True), network, inputs, exp, adapter, drawing)


@contextmanager
def _same_random_numbers(network: nn.Module) -> Iterator[None]:
    """Inside, a network that draws random numbers draws the same in every run; afterwards they go on as before."""
    with random_state_kept(network):
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        yield


def _first_line(error: BaseException) -> str:
    """What went wrong, in a line; and where, if it was in somebody else's code."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours, deepest = Path(__file__).parent, Path(frames[-1].filename) if frames else Path(__file__)
    if ours in deepest.parents:
        return line
    at = next((each for each in reversed(frames) if _is_users(Path(each.filename))), None)
    return line if at is None else f"{Path(at.filename).name} line {at.lineno}: {type(error).__name__}: {line}"


def _is_users(path: Path) -> bool:
    """Whether a file is neither ours nor that of a library."""
    return Path(__file__).parent not in path.parents and "site-packages" not in path.parts


def _checked(proof: LayerProof, layer: LayerExplanation | None, points: bool) -> LayerCheck:
    unknown = []
    if not proof.proven:
        unknown.append("how messages are aggregated" if proof.conv == "other" else "whether the edges are those used")
    if proof.placed is not True and not points:
        unknown.append("where nodes lie")
    if layer is not None and not layer.ranked:
        unknown.append("by what neighbors are ranked, if at all")
    notes = "; ".join(words for words in (proof.note, proof.tried) if words)
    grid = (0, 0) if layer is None else layer.grid
    return LayerCheck(
        proof.index, proof.name, proof.conv, grid, proof.proven, proof.error, proof.placed, tuple(unknown), notes
    )


def _cut(
    check: Check,
    network: nn.Module,
    inputs: Inputs,
    exp: Explanation,
    adapter: Adapter | Sequence[Adapter] | None,
    drawing: Callable[[], AbstractContextManager[None]],
) -> Check:
    """With whether the output stays when edges of share 0 go, how many went, and what was in the way."""
    cut = {layer.index: _worthless(layer) for layer in exp.layers if layer.exact}
    uncut: list[str] = []
    if not cut:
        return check
    with eval_mode(network, grad=False):
        with drawing():
            plain = inputs.run(network)
        with drawing():
            again = inputs.run(network)
        if not _same(again, plain):
            words = "its answer differs from run to run, whatever random numbers are drawn: nothing to compare"
            return replace(check, uncut=(words,))
        while cut:
            try:
                with edit_edges(network, cut=cut, adapter=adapter) as gone, drawing():
                    edited = inputs.run(network)
                return replace(check, cut_exact=_same(edited, plain), cut=sum(gone.values()), uncut=tuple(uncut))
            except ValueError as error:
                uncut.append(_first_line(error))
                at = next((index for index in cut if f"layer {index + 1} " in str(error)), None)
                if at is None:
                    break
                del cut[at]
    return replace(check, uncut=tuple(uncut))


def _worthless(layer: LayerExplanation) -> Any:
    """The edges of share 0, as `edit_edges` takes them; of a hypergraph who is in a group and has no part in it."""
    if layer.groups is None or layer.heard is None or layer.heard_share is None:
        return layer.share == 0
    return {"members": layer.groups == 0, "heard": (layer.heard_share == 0) & (layer.heard >= 0)}


def _same(first: Any, second: Any) -> bool:
    pairs: list[tuple[Tensor, Tensor]] = [(a, b) for (_, a), (_, b) in zip(tensors_of(first), tensors_of(second))]
    return bool(pairs) and all(torch.equal(a, b) for a, b in pairs)
