"""What figures draw by default is what the table of effects says: the rule of docs/trust.md, run again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import viz_nodes
import vizgraph
from builders.planted import ANSWER, PATH, Planted, planted_pixels
from viz_nodes.batch.options import RenderOptions
from viz_nodes.draw.geometry.selection import Selection, egos_of
from viz_nodes.draw.quantities import FALLBACK
from viz_nodes.metrics.agreement import agreement, agreement_summary

FREE = ("rank", "share", "contribution")
"""Orders that cost nothing more than the explanation."""


@pytest.fixture(scope="module")
def table():
    """The table of docs/trust.md, of few scenes: what cutting each edge of the peaks does, and what foretold it."""
    pytest.importorskip("skimage", reason="the extra `scenes` is not installed")
    from vizgraph.data import Scenes, prepare

    model, scenes = vizgraph.load_model("gcn_demo", "demo", device="cpu"), Scenes("test", size=200)
    images = ((at, prepare(scenes.scene(at).image, model).pixels) for at in range(6))
    return pd.DataFrame([line for part in agreement(model, images, methods=FREE) for line in part])


def recommended(table):
    """The rule that docs/trust.md states: of the orders that cost nothing, those that no other is better than about the
    size of effects; among these the one that names the strongest edge most often."""
    summary = agreement_summary(table, by=())
    tied = summary[summary["tie"]]
    return str(tied.loc[tied["top1"].idxmax(), "method"])


def test_the_default_order_is_what_the_rule_takes_from_the_table(table):
    assert Selection().order == RenderOptions().order == FALLBACK[0] == recommended(table)
    assert table.groupby("method")["signed"].mean()[Selection().order] > 0.3, "its sign says for and against"


def test_the_rule_follows_the_table(table):
    """Where share and contribution change places in the table, the rule names the other: it looks at the figures."""
    swapped = table["method"].replace({"share": "contribution", "contribution": "share"})
    assert recommended(table.assign(method=swapped)) == "share"


def test_the_first_edge_drawn_by_default_is_the_one_that_the_answer_hangs_on():
    net, pixels = Planted(0).double().eval(), planted_pixels(seed=0)
    exp = viz_nodes.explain(net, pixels)
    drawn = {}
    for order in ("rank", Selection().order):
        (ego,) = egos_of(exp, 1, Selection(center=ANSWER, k=1, order=order))
        drawn[order] = int(ego.keys[0])
    effects = viz_nodes.effect(net, pixels, exp, 1, ANSWER).abs()
    strongest = int(exp.layer(1).neighbors[0, ANSWER, int(np.argmax(effects.numpy()))])
    assert drawn[Selection().order] == strongest == PATH[1][0]
    assert drawn["rank"] != strongest
