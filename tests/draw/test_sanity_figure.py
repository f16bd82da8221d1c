"""The figure of a sanity check: a panel a measure, a line a method, chance behind them."""

from __future__ import annotations

import pandas as pd

from viz_nodes.draw.files import figure_bytes
from viz_nodes.draw.sanity_figure import TITLES, sanity_figure

STEPS = ("as trained", "head", "stem", "permuted")


def table(layer, value):
    methods = {"map": ("gradcam", "image gradients"), "peak": ("gradcam",), "graph": ("graph",)}
    return pd.DataFrame(
        [
            {"layer": layer, "method": method, "measure": measure, "step": step, "mean": value, "n": 3}
            | {"low": value - 0.1, "high": value + 0.1, "chance": False}
            for measure, several in methods.items()
            for method in several
            for step in STEPS
        ]
    )


def test_a_panel_a_measure_and_a_line_a_method():
    both = pd.concat([table(0, 0.25), table(4, 0.75)])
    figure = sanity_figure(both, name="net")
    assert [ax.get_title() for ax in figure.axes] == [TITLES[name] for name in ("map", "peak", "graph")]
    first = figure.axes[0]
    assert [line.get_ydata()[0] for line in first.lines] == [0.75, 0.75]  # the last layer
    # Names of the steps stand below each column, also where its second panel is missing.
    below = [[label.get_text() for label in ax.get_xticklabels() if label.get_visible()] for ax in figure.axes]
    assert below == [[], list(STEPS[:-1]), list(STEPS[:-1])]
    assert "layer 5" in figure.get_suptitle()
    assert sanity_figure(both, layer=0).axes[0].lines[0].get_ydata()[0] == 0.25
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")
