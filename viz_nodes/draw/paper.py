"""What a figure says of itself in a paper: sentences for its caption, and the LaTeX that includes it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from viz_nodes.draw.geometry.selection import Selection
from viz_nodes.draw.graph import plan_carried
from viz_nodes.draw.key import said_of_places, sets_said, strongest_words
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.quantities import unit_of
from viz_nodes.draw.strongest import MEASURED, strongest_carried, strongest_of
from viz_nodes.draw.style.captions import (
    all_of,
    counted,
    method_words,
    note_words,
    number,
    percent,
    plain,
    target_words,
)
from viz_nodes.draw.style.fonts import as_tex
from viz_nodes.draw.style.style import SIGNED, Style
from viz_nodes.draw.subject import Subject
from viz_nodes.draw.wording import color_and_sign, span_words, width_words
from viz_nodes.files import write_atomically

_NBSP = "\N{NO-BREAK SPACE}"


def caption_of(
    subjects: Sequence[Subject], kinds: Sequence[str], plans: Mapping[Any, Plan], style: Style, selection: Selection
) -> str:
    """Sentences for a caption: which network, class, method and layers; what each row shows; how many edges.

    Args:
        subjects: of all panels.
        kinds: of picture, in the order of rows or columns.
        plans: of the graphs, by any name.
        selection: which edges are drawn.
    """
    by = selection.order
    exps = list({id(subject.exp): subject.exp for subject in subjects}.values())
    models = list(dict.fromkeys(plain(exp.model) for exp in exps if exp.model))
    classes = list(dict.fromkeys(target_words(subject.exp, subject.row) for subject in subjects))
    methods = list(dict.fromkeys(method_words(exp.method) for exp in exps))
    layers = sorted({(subject.layer.number, subject.exp.depth) for subject in subjects})
    depths = {depth for _, depth in layers}
    where = _listed([str(number) for number, _ in layers]) + (f" of {depths.pop()}" if len(depths) == 1 else "")
    head = f"{_listed(models) or 'The network'}, {'layer' if len(layers) == 1 else 'layers'} {where}; "
    sentences = [f"{head}explained: {_listed(classes)}."]
    notes = [*(word for exp in exps for word in note_words(exp)), *said_of_places(subjects)]
    sentences += [f"{words[0].upper()}{words[1:]}." for words in dict.fromkeys(notes)]
    unit = unit_of(subjects[0].exp, subjects[0].row)
    by_kind = {
        "photograph": "the photograph",
        "cam": f"class activation maps by {_listed(methods)} (raw values, {span_words(style)}; star: the peak)",
        "neighbors": _neighbors_said(by, style),
        "graph": f"the edges from neighbors to the center, width and opacity by {_width_said(plans, unit, style)}",
        "hyperedges": "the groups of nodes (hyperedges) from which the center takes most, outlined as sets",
        "edges": f"{_edges_said(selection)} ({strongest_words(selection, style).removeprefix('edges: ')})",
    }
    shown = [by_kind[kind] for kind in kinds]
    if shown:
        sentences.append(f"Shown: {'; '.join(shown)}.")
    if "edges" in kinds:
        sentences += [f"{words[0].upper()}{words[1:]}." for words in sets_said(subjects, selection.edge_set)]
    if "graph" in kinds:
        sentences += [f"{words[0].upper()}{words[1:]}." for words in color_and_sign(style, unit)]
    if plans and "graph" in kinds:
        seen = [ego for plan in plans.values() for ego in plan.seen]
        drawn, total = sum(len(ego.keys) for ego in seen), sum(ego.total for ego in seen)
        carried = sum(ego.carried for ego in seen) / max(len(seen), 1)
        first = f", the largest of each center by {by}" if drawn < total and by != "rank" else ""
        which = f"{drawn} of {counted(total, 'edges')} {'is' if drawn == 1 else 'are'}"
        if drawn == total > 0:
            which = f"{all_of(total, 'edges')} {'is' if total == 1 else 'are'}"
        words = f"{which[0].upper()}{which[1:]} drawn{first}, {percent(carried)} of the channels on average"
        enlarged = sum(plan.enlarged for plan in plans.values())
        sentences.append(f"{words}{f', {enlarged} of them in close-ups' if enlarged else ''}.")
    sentences += _carried(subjects, kinds, plans, selection)
    return " ".join(sentences).replace(_NBSP, " ")


def _carried(
    subjects: Sequence[Subject], kinds: Sequence[str], plans: Mapping[Any, Plan], selection: Selection
) -> list[str]:
    """A sentence for each layer of which it was measured what the drawn edges carry together."""
    several, sentences = len({subject.layer.number for subject in subjects}) > 1, []
    models = len({subject.exp.model for subject in subjects}) > 1
    for subject in subjects:
        if not subject.exp.extras.get("carried"):
            continue
        own = [plan for plan in plans.values() if plan.egos and plan.egos[0].layer is subject.layer]
        drawn = {}
        if "graph" in kinds:
            drawn["the center's edges"] = next((words for plan in own if (words := plan_carried(subject, plan))), "")
        if "edges" in kinds:
            which = "the strongest edges" if selection.edge_set is None else "the set's edges"
            drawn[which] = strongest_carried(subject, strongest_of(subject, selection))
        for which, words in drawn.items():
            whose = [plain(subject.exp.model)] if models else []
            whose += [f"{'layer' if models else 'Layer'} {subject.layer.number}"] if several else []
            where = f"{', '.join([*whose, which])}: " if whose else f"{which[0].upper()}{which[1:]}: "
            sentences += [f"{where}{words}."] if words else []
    return list(dict.fromkeys(sentences))


def _edges_said(selection: Selection) -> str:
    if selection.edge_set is not None:
        return f"the layer's edges of the {selection.edge_set} set, width by size of contribution"
    if selection.order == "effect":
        return (
            f"the layer's strongest edges by effect, each cut alone; {MEASURED} times as many were measured, those of "
            "the largest contributions"
        )
    return f"the layer's strongest edges by {'share' if selection.order == 'share' else 'contribution'}"


def _neighbors_said(by: str, style: Style) -> str:
    which = "nearest neighbors" if by == "rank" else f"neighbors of largest {by}"
    numbered = "numbered by rank" if by == "rank" else "numbered from the largest on"
    return f"the peak's patch and its {which}{f', {numbered}' if style.ranks else ''}"


def _width_said(plans: Mapping[Any, Plan], unit: str, style: Style) -> str:
    top = next((plan.top for plan in plans.values()), 0.0)
    end = f" (the widest: {number(top)})" if style.edge_width in SIGNED and top > 0 else ""
    return width_words(style.edge_width, unit) + end


def _listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def latex_of(fig: Figure, name: str, *, label: str | None = None) -> str:
    """LaTeX that includes a figure at its own width, with its caption and a label.

    Args:
        fig: from `figure`, `panel`, `compare` or another of this package.
        name: of its file.
        label: by default "fig:" and the name without ending.
    """
    stem = Path(name).stem
    label = label or "fig:" + re.sub(r"[^A-Za-z0-9:-]+", "-", stem)
    wide = fig.get_figwidth()
    environment = "figure*" if wide > 4.9 else "figure"
    caption = str(getattr(fig, "caption", "")) or stem
    return (
        f"\\begin{{{environment}}}\n"
        f"  \\centering\n"
        f"  \\includegraphics[width={wide:.3f}in]{{{name}}}\n"
        f"  \\caption{{{as_tex(caption)}}}\n"
        f"  \\label{{{label}}}\n"
        f"\\end{{{environment}}}\n"
    )


def save_latex(fig: Figure, path: str | os.PathLike[str], *, figure_name: str | None = None) -> Path:
    """Write `latex_of` a figure to a .tex file: complete or, whatever happens, as it was before.

    Args:
        figure_name: the file that is included; by default a PDF of the same name.
    """
    target = Path(path)
    name = figure_name or target.with_suffix(".pdf").name
    write_atomically(target, latex_of(fig, name).encode("utf-8"))
    return target
