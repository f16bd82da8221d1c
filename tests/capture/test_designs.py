"""Small networks of published designs: right, or refused with a cure; the docs' table is what the command prints."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

import viz_nodes.capture.whereabouts
import vizgraph
from vizgraph.api.builds import builds_in

DESIGNS = sorted((Path(__file__).parents[1] / "builders" / "designs").glob("[a-z]_*.py"))
PAGE = Path(__file__).parents[2] / "docs" / "adapters.md"
REFUSED = {
    "f_moved.py:build_superpixels_unsaid": "with `places` for regions that are no grid or an `adapter`",
    "g_around.py:build_embedding": "say which with `output`, as in `output=1`",
    "g_around.py:build_segments": "say what to explain by a `target`",
    "g_around.py:build_plain": "makes no graph on its image",
    "h_hypergraphs.py:build_slots": "gathers its nodes into 49 groups .* give an `adapter`",
    "h_hypergraphs.py:build_soft": "tell where with an `adapter`",
}
"""What the others are told, and what to do."""
POINTS = {"d_functions.py:build_points", "d_functions.py:build_points_in_a_column"}
UNPLACED = POINTS | {"f_moved.py:build_superpixels"}
"""Whose nodes lie on no image, or where a user says."""
DRAWS = {"b_rolls.py:build_drawn"}
"""That draw random numbers in every forward."""


@pytest.fixture(scope="module")
def checked():
    pytest.importorskip("torch_geometric", reason="the extra `test` is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return vizgraph.check(DESIGNS, size=112)


def test_every_design_is_right_or_refused_with_a_cure(checked):
    assert len(checked.rows) == sum(len(builds_in(str(path))) for path in DESIGNS) >= 30
    refused = {}
    for row in checked.rows:
        name, found = Path(row.name).name, row.check
        assert found is not None, row.failure
        if found.problem:
            refused[name] = found.problem
            continue
        assert found.edges_proven == len(found.layers) > 0, name
        assert found.places_proven == (0 if name in UNPLACED else len(found.layers)), name
        assert found.places_refuted == 0, name
        assert found.cut_exact is True, name
        assert not found.uncut, name
        assert found.random is (name in DRAWS), name
        assert found.points is (name in POINTS), name
    assert refused.keys() == REFUSED.keys()
    for name, cure in REFUSED.items():
        assert re.search(cure, refused[name]) if ".*" in cure else cure in refused[name]


def test_tokens_beside_a_grid_are_left_out_or_the_layer_is_not_drawn(checked):
    (row,) = (row for row in checked.rows if row.name.endswith("e_attention.py:build_tokens"))
    assert all("1 node that the image does not reach" in layer.note for layer in row.check.layers)
    assert [layer.grid for layer in row.check.layers] == [(14, 14)] * 2
    (build,) = builds_in(row.name)
    with build.importable():
        network = build.function()
    with pytest.warns(viz_nodes.capture.whereabouts.MisplacedNodes, match="197 nodes are more than .* 14 x 14"):
        exp = viz_nodes.explain(network["model"].eval(), network["pixels"], places=False)
    assert [layer.placed for layer in exp.layers] == [False] * 2


def test_a_graph_among_other_nodes_is_left_out_and_said(checked):
    (row,) = (row for row in checked.rows if row.name.endswith("c_lists.py:build_clustered"))
    assert [layer.name for layer in row.check.layers] == [f"blocks.{at}.conv" for at in range(5)]
    for layer in row.check.layers:
        assert f"({layer.name}.centers); these lie nowhere on the image and are left out" in layer.note


def test_the_table_of_the_docs_is_what_the_command_prints(checked):
    text = PAGE.read_text("utf-8")
    table = text.partition("<!-- designs -->\n")[2].partition("<!-- end -->")[0]
    assert checked.markdown == table
