"""Explanations as the plain document that `static/explorer.js` draws: dicts, lists, numbers and short text only.

A *subject* is one image seen by one model: its graphs are there once. Its *rows* are what was asked about it, a class
and a method each, with their maps and contributions.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import torch

from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.explorer.packing import pack_indices, pack_signed, pack_unsigned
from viz_nodes.explorer.pictures import Photograph, as_photograph
from viz_nodes.explorer.regions import pack_regions
from viz_nodes.places import Places, same

FORMAT = 1
TOP = 5
CANDIDATES = 12
"""Of the candidates that a node did not choose, how many a page holds."""
_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")

Document = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Shown:
    """What a row of the document was made of.

    Attributes:
        exp: the explanation.
        row: its row.
        photograph: what it is drawn on.
    """

    exp: Explanation
    row: int
    photograph: Photograph


def build_document(
    exp: Explanation | Sequence[Explanation],
    image: Any,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    commands: Sequence[Sequence[str]] | None = None,
    max_side: int = 1600,
) -> Document:
    """Make the document.

    Args:
        exp: one explanation, or several: other models, other methods, other targets. Rows of `target="top5"` become
            the class switch. Explanations of the same image, model and graphs are joined into one subject.
        image: what `viz_nodes.explorer.pictures.as_photograph` takes. For an explanation of several images, a sequence
            with one each; for several explanations, one image for all, or a sequence with one (or a sequence) each.
        title: of the page; the image's and the model's name by default.
        names: one an explanation, for people, where the model's name does not tell them apart.
        commands: one an explanation, the words of the command line that renders it, up to what the view decides
            (`["vizgraph", "render", "--arch", ...]`), empty for none. By default what the explained network said of
            itself; networks of other people say nothing, and no command is offered for them. Of absolute paths only the
            file's name is kept.
        max_side: longer side in pixels above which a photograph is made smaller.

    Raises:
        ValueError: no explanation, no layer, or images that do not match the explanations.
    """
    return with_sources(exp, image, title=title, names=names, commands=commands, max_side=max_side)[0]


def with_sources(
    exp: Explanation | Sequence[Explanation],
    image: Any,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    commands: Sequence[Sequence[str]] | None = None,
    max_side: int = 1600,
) -> tuple[Document, list[list[Shown]]]:
    """The document, and for each of its subjects what each row was made of; arguments as `build_document`."""
    explanations = [exp] if isinstance(exp, Explanation) else list(exp)
    if not explanations or any(not each.layers or not len(each) for each in explanations):
        raise ValueError("`exp` must hold at least one explained image and layer")
    for what, per_explanation in (("names", names), ("commands", commands)):
        if per_explanation is not None and len(per_explanation) != len(explanations):
            raise ValueError(
                f"`{what}` must have one entry an explanation, {len(explanations)} (got {len(per_explanation)})"
            )
    images: list[Document] = []
    subjects: list[Document] = []
    sources: list[list[Shown]] = []
    photographs = _matched(image, explanations, max_side)
    for place, each in enumerate(explanations):
        for row in range(len(each)):
            photograph = photographs[place][int(each.source[row])]  # type: ignore[index]
            picture = _numbered(images, _image(photograph))
            name = printable(names[place]) if names is not None else printable(each.model)
            entry = _row(each, row)
            home = _home(subjects, sources, each, row, entry, name, picture)
            if home is None:
                command = commands[place] if commands is not None else _command(each, photograph)
                subjects.append(_subject(each, row, name, picture, command))
                sources.append([])
                home = len(subjects) - 1
            sources[home].append(Shown(each, row, photograph))
            _share_once(each, row, entry, sources[home][0])
            subjects[home]["rows"].append(entry)
    if title is None:
        parts = [images[subjects[0]["image"]]["name"], *dict.fromkeys(s["name"] for s in subjects if s["name"])]
        title = " · ".join(parts)
    return {"format": FORMAT, "title": printable(title), "images": images, "subjects": subjects}, sources


def printable(text: str) -> str:
    """Text as it may be shown: control characters, bidirectional marks and lone surrogates as escapes."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _UNSHOWN else char
        for char in str(text)
    )


def _matched(image: Any, explanations: list[Explanation], max_side: int) -> list[dict[int, Photograph]]:
    """For each explanation, the photograph of each source."""
    several = isinstance(image, (list, tuple))
    if len(explanations) > 1 and several:
        if len(image) != len(explanations):
            raise ValueError(f"`image` must have one entry an explanation, {len(explanations)} (got {len(image)})")
        images = list(image)
    else:
        images = [image] * len(explanations)
    known: dict[int, Photograph] = {}

    def encoded(picture: Any) -> Photograph:
        if id(picture) not in known:
            known[id(picture)] = as_photograph(picture, max_side=max_side)
        return known[id(picture)]

    matched = []
    for each, own in zip(explanations, images, strict=True):
        sources = sorted(set(each.source.tolist()))  # type: ignore[union-attr]
        pictures = list(own) if isinstance(own, (list, tuple)) else [own]
        if len(pictures) != len(sources):
            raise ValueError(f"`image` must be one an explained image, {len(sources)} (got {len(pictures)})")
        matched.append({source: encoded(picture) for source, picture in zip(sources, pictures, strict=True)})
    return matched


def _numbered(entries: list[Document], entry: Document) -> int:
    """Place of an equal entry, appended where there is none."""
    if entry not in entries:
        entries.append(entry)
    return entries.index(entry)


def _image(photograph: Photograph) -> Document:
    return {
        "name": printable(photograph.name),
        "width": photograph.width,
        "height": photograph.height,
        "view": [round(v, 3) for v in photograph.view],
        "source": photograph.source,
    }


def _about(exp: Explanation) -> dict[str, Any]:
    """What the network said of itself, where `explain` was given one that does."""
    about = exp.extras.get("about")
    return about if isinstance(about, dict) else {}


def _command(exp: Explanation, photograph: Photograph) -> list[str]:
    """The words that render it; none for a network that no command loads."""
    words = [str(word) for word in _about(exp).get("command", [])]
    return [*words, "--img", photograph.address or photograph.name] if words else []


def _without_folders(word: str) -> str:
    """A word of a command without the folders of an absolute path: a page is passed on, and they say who made it."""
    path = PureWindowsPath(word) if PureWindowsPath(word).drive else PurePosixPath(word)
    return path.name if path.is_absolute() else word


def _home(
    subjects: Sequence[Document],
    sources: Sequence[Sequence[Shown]],
    exp: Explanation,
    row: int,
    entry: Document,
    name: str,
    picture: int,
) -> int | None:
    """The subject that a row belongs to: same image, name and graphs, and not yet holding this class and method."""
    asked = (entry["target"], entry["versus"], entry["method"])
    for place, (subject, (first, *_)) in enumerate(zip(subjects, sources, strict=True)):
        held = [(each["target"], each["versus"], each["method"]) for each in subject["rows"]]
        same = subject["image"] == picture and subject["name"] == name and asked not in held
        if same and _same_graphs(exp, row, first.exp, first.row):
            return place
    return None


def _same_graphs(exp: Explanation, row: int, other: Explanation, other_row: int) -> bool:
    if exp.depth != other.depth or exp.image_size != other.image_size or len(exp.layers) != len(other.layers):
        return False
    return all(
        a.index == b.index
        and (a.grid, a.key_grid) == (b.grid, b.key_grid)
        and _same_places(a, row, b, other_row)
        and torch.equal(a.neighbors[row], b.neighbors[other_row])
        and _same_groups(a, row, b, other_row)
        for a, b in zip(exp.layers, other.layers, strict=True)
    ) and torch.allclose(exp.logits[row], other.logits[other_row], atol=1e-4, equal_nan=True)


def _same_places(a: LayerExplanation, row: int, b: LayerExplanation, other_row: int) -> bool:
    if a.places is None or b.places is None:
        return a.places is b.places
    return same(a.regions(a.grid, row), b.regions(b.grid, other_row))


def _same_groups(a: LayerExplanation, row: int, b: LayerExplanation, other_row: int) -> bool:
    pairs = [(getattr(a, name), getattr(b, name)) for name in ("groups", "heard", "heard_share")]
    return all(
        first is second is None
        or (first is not None and second is not None and torch.equal(first[row], second[other_row]))
        for first, second in pairs
    )


def _subject(exp: Explanation, row: int, name: str, picture: int, command: Sequence[str]) -> Document:
    probabilities = exp.probabilities[row].double()
    known = probabilities.nan_to_num(nan=-1.0).tolist()
    asked = set(exp.target[exp.source == exp.source[row]].tolist())  # type: ignore[index]
    # Of classes that tie, those come first whose maps are there.
    top = sorted(range(len(known)), key=lambda index: (-known[index], index not in asked, index))[:TOP]
    regions, layers = _regions(exp, row)
    return {
        "name": name,
        "image": picture,
        "regions": [pack_regions(each) for each in regions],
        "depth": exp.depth,
        "size": list(exp.image_size),
        "command": [printable(_without_folders(word)) for word in command] or None,
        "note": "" if "untrained" in name else printable(str(_about(exp).get("note", ""))),
        "top": [
            {
                "index": i,
                "label": printable(exp.label(i)),
                "probability": _number(probabilities[i]) if exp.probable else None,
            }
            for i in top
        ],
        "layers": layers,
        "rows": [],
    }


def _regions(exp: Explanation, row: int) -> tuple[list[Places], list[Document]]:
    """The regions of a row's layers, each once, and the layers with the place of theirs among them."""
    distinct: list[Places] = []
    layers = []
    for layer in exp.layers:
        entry = _layer(layer, row)
        if layer.places is not None:
            own = layer.regions(exp.image_size, row)
            at = next((at for at, other in enumerate(distinct) if same(other, own)), len(distinct))
            distinct += [own] if at == len(distinct) else []
            entry["regions"] = at
        layers.append(entry)
    return distinct, layers


def _layer(layer: LayerExplanation, row: int) -> Document:
    entry = {
        "number": layer.number,
        "name": printable(layer.name),
        "grid": list(layer.grid),
        "key_grid": list(layer.key_grid),
        "k": layer.neighbors.shape[-1],
        "conv": printable(layer.conv),
        "dilation": layer.dilation,
        "exact": layer.exact,
        "ranked": layer.ranked,
        "placed": layer.placed,
        "note": printable(layer.note),
        "neighbors": pack_indices(layer.neighbors[row]),
        "share": pack_unsigned(layer.share[row]),
    }
    if layer.groups is not None and layer.heard is not None and layer.heard_share is not None:
        groups = layer.groups[row]
        entry["groups"] = pack_unsigned(groups.masked_fill(groups < 0, float("nan")))
        entry["heard"] = pack_indices(layer.heard[row])
        entry["heard_share"] = pack_unsigned(layer.heard_share[row])
    if layer.distance is not None:
        entry["distance"] = pack_signed(layer.distance[row])
        if layer.rejected is not None and layer.rejected_distance is not None:
            entry["candidates"] = pack_indices(layer.rejected[row, :, :CANDIDATES])
            entry["candidate_distance"] = pack_signed(layer.rejected_distance[row, :, :CANDIDATES])
    return entry


def _row(exp: Explanation, row: int) -> Document:
    target = int(exp.target[row])
    versus = int(exp.versus[row]) if exp.versus is not None else -1
    return {
        "target": target,
        "label": printable(exp.label(target)),
        "probability": _number(exp.probabilities[row, target]) if target >= 0 and exp.probable else None,
        "versus": versus if versus >= 0 else None,
        "versus_label": printable(exp.label(versus)) if versus >= 0 else None,
        "method": printable(exp.method),
        "layers": [
            {
                "cam": pack_unsigned(layer.cam[row]),
                "peak": int(layer.peak[row]),
                "contribution": pack_signed(layer.contribution[row]),
                **({} if layer.effect is None else {"effect": pack_signed(layer.effect[row])}),
            }
            for layer in exp.layers
        ],
    }


def _share_once(exp: Explanation, row: int, entry: Document, first: Shown) -> None:
    """Add a row's shares where they are not those stored with its subject (sums: their shares hang on the class)."""
    for packed, layer, stored in zip(entry["layers"], exp.layers, first.exp.layers, strict=True):
        if not torch.equal(layer.share[row], stored.share[first.row]):
            packed["share"] = pack_unsigned(layer.share[row])


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    number = float(value)
    return number if math.isfinite(number) else None
