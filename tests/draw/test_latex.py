"""With `text.usetex` no word of a figure is lost: what LaTeX would take for a comment or a command is spelled out."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import viz_nodes
import vizgraph
from viz_nodes.draw import compare, depths, figure, latex_of, networks, overview, panel
from viz_nodes.draw.artists.text import without_latex
from viz_nodes.draw.style.fonts import _TEX, as_tex

HOSTILE = r"50 % a&b_c#d$e{f}g~h^i\j|k<l>m"
SPELLED = sorted(((tex, char) for char, tex in _TEX.items()), key=lambda pair: -len(pair[0]))


def read(tex):
    """What LaTeX prints for text that `as_tex` made: the inverse."""
    words, at = "", 0
    while at < len(tex):
        spelled = next(((each, char) for each, char in SPELLED if tex.startswith(each, at)), None)
        if spelled is None:
            assert tex[at] not in "\\%&#_${}^~", f"LaTeX takes {tex[at]!r} in {tex!r} for a command"
            words, at = words + tex[at], at + 1
        else:
            words, at = words + spelled[1], at + len(spelled[0])
    return words


def words_of(fig):
    return [text.get_text() for text in fig.findobj(Text) if text.get_text().strip()]


@pytest.fixture
def hostile(make_explanation, photograph):
    labels = (HOSTILE, HOSTILE + " 100 % 2", "c")
    first = [make_explanation(labels=labels, model=HOSTILE, rows=2, layers=(3, 11), seed=seed) for seed in (0, 1)]
    second = [make_explanation(labels=labels, model="b_" + HOSTILE, layers=(3, 11), seed=seed) for seed in (2, 3)]
    return first, second, [photograph()] * 2


FIGURES = {
    "figure": lambda a, b, images: figure(a[0], images[0], contours=True),
    "rows": lambda a, b, images: figure(a[0], images[0], rows=[0, 1], kinds=["cam", "graph"]),
    "by share": lambda a, b, images: figure(a[0], images[0], order="share", color="share", k=3, width="page"),
    "hops": lambda a, b, images: panel("graph", a[0], 3, images[0], center=[20, 90], order="rank"),
    "title": lambda a, b, images: figure(a[0], images[0], title=HOSTILE, kinds=["neighbors"], key=False),
    "edges": lambda a, b, images: panel("edges", a[0], 11, images[0]),
    "compared": lambda a, b, images: compare([a[0], b[0]], images[0], names=[HOSTILE, "% & _"], width="page"),
    "three compared": lambda a, b, images: compare([a[0], b[0], b[1]], images[0], width="page"),
    "overview": lambda a, b, images: overview(a, images, names=[HOSTILE, "100 % wool"], width="page"),
    "networks": lambda a, b, images: networks({HOSTILE: a, "_b": b}, images, width="page"),
    "depths": lambda a, b, images: depths(a, images, layers=(3, 11), center=[(0.3, 0.3), (0.7, 0.6)], width="page"),
    "slide": lambda a, b, images: figure(a[0], images[0], width="slide"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_latex_prints_the_words_that_matplotlib_does(hostile, name):
    plain = words_of(FIGURES[name](*hostile))
    with mpl.rc_context({"text.usetex": True}):
        fig = FIGURES[name](*hostile)
    texts = [text for text in fig.findobj(Text) if text.get_text().strip()]
    assert [read(text.get_text()) if text.get_usetex() else text.get_text() for text in texts] == plain
    assert any(text.get_usetex() for text in texts)
    caption = latex_of(fig, "figure.pdf").partition("\\caption{")[2].rpartition("}\n  \\label")[0]
    assert read(caption) == fig.caption
    assert "%" in fig.caption


def test_painters_on_axes_of_a_reader_too(hostile):
    (exp, _), _, (image, _) = hostile

    def captions():
        axes = [Figure(figsize=(3, 3)).add_axes((0, 0, 1, 1)) for _ in range(3)]
        return [
            draw(ax, exp, 11, image, caption=True)["caption"]
            for draw, ax in zip((viz_nodes.draw_cam, viz_nodes.draw_neighbors, viz_nodes.draw_graph), axes)
        ]

    plain = [text.get_text() for text in captions()]
    with mpl.rc_context({"text.usetex": True}):
        assert [read(text.get_text()) for text in captions()] == plain
    assert all("%" in words for words in plain)


def test_a_letter_that_is_spelled_out_reads_as_itself():
    everything = "".join(_TEX)
    assert read(as_tex(everything)) == everything
    with pytest.raises(AssertionError, match="command"):
        read("50 % of it")


def charts():
    """Figures that matplotlib writes words on by itself."""
    from torch import rand, tensor

    from vizgraph.evaluation.report import draw_calibration, draw_confusion
    from vizgraph.training.log import draw_curves
    from vizgraph.training.metrics import Metrics

    labels = [HOSTILE, "b"]
    metrics = Metrics(3, 0.5, 66.7, 100.0, tensor([[1, 0], [1, 1]]), rand(15, 3))
    rows = [{"epoch": epoch, "train_loss": 10.0**-epoch, "top1": 40.0 + epoch} for epoch in (1, 2, 3)]
    yield draw_confusion(metrics, labels)
    yield draw_calibration(metrics)
    yield draw_curves({HOSTILE: rows, "5 % more": rows})
    chart = Figure()
    ax = chart.subplots()
    ax.plot([-1, 1], [-2, 2], label=HOSTILE)
    ax.set_title("12 % of it")
    yield without_latex(chart)


def test_words_of_charts_are_left_to_matplotlib():
    with mpl.rc_context({"text.usetex": True}):
        for fig in charts():
            assert not [text.get_text() for text in fig.findobj(Text) if text.get_usetex()]
            FigureCanvasAgg(fig).draw()
            late = [text.get_text() for text in fig.findobj(Text) if text.get_usetex()]
            assert not late, "ticks that are made when it is drawn"


def test_every_figure_goes_through_one_of_the_two():
    for package in (viz_nodes, vizgraph):
        for path in Path(package.__file__).parent.rglob("*.py"):
            source = path.read_text("utf-8")
            if re.search(r"(?<!Paper)(?<!class )\bFigure\(", source) and "class PaperFigure" not in source:
                assert "without_latex(" in source or "dressed(" in source, path
