"""The picture that stands in for a widget: the view's own layer, patches, direction, shares and second picture."""

from __future__ import annotations

import dataclasses
import io

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

from viz_nodes.draw.style.fonts import as_tex
from viz_nodes.explorer.document import with_sources
from viz_nodes.explorer.looked import describe
from viz_nodes.explorer.packing import pack_indices, pack_signed, pack_unsigned, unpack
from viz_nodes.explorer.sent import sent_from
from viz_nodes.explorer.still import still


def drawn(exp, photograph, state=None, **options) -> np.ndarray:
    """(H, W, 3) the picture of a view."""
    document, sources = with_sources(exp, photograph, **options)
    png = still(document, sources, state or {})
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.fixture
def graphs(monkeypatch):
    """What is handed to the painter of edges."""
    import viz_nodes.draw

    real, calls = viz_nodes.draw.draw_graph, []

    def draw_graph(ax, exp, layer, *given, **options):
        calls.append((exp, layer, options))
        return real(ax, exp, layer, *given, **options)

    monkeypatch.setattr(viz_nodes.draw, "draw_graph", draw_graph)
    return calls


def test_the_view_s_layer_class_patches_and_hops_are_drawn_from_the_explanation(make, photograph, graphs):
    exp = make(layers=4)
    state = {"layer": 3, "target": 3, "pins": [[0.5, 0.25], [0.99, 0.99]], "hops": 2, "k": 5}
    picture = drawn(exp, photograph, state)
    assert min(picture.shape[:2]) > 400
    ((seen, layer, options),) = graphs
    assert layer == 2
    assert seen is exp, "not what a page holds of it"
    assert options["row"] == 1
    assert (options["center"], options["k"], options["hops"], options["far"]) == ([3 * 14 + 7, 195], 5, 2, 18)
    assert (options["color"], options["order"], options["edge_width"]) == ("auto", "contribution", "auto")


def test_a_view_of_nothing_in_particular_draws_the_last_layer_s_peak(make, photograph, graphs):
    exp = make(layers=3)
    drawn(exp, photograph, {"layer": 77, "target": 99, "subject": 5})
    ((_, layer, options),) = graphs
    assert (layer, options["center"], options["hops"]) == (2, [int(exp.layer(2).peak[0])], 1)
    assert options["color"] == "auto"


def test_words_below_a_still_are_spelled_out_for_latex(make, photograph, monkeypatch):
    import viz_nodes.draw

    figures = []
    monkeypatch.setattr(viz_nodes.draw, "figure_bytes", lambda fig, *_, **__: figures.append(fig) or b"")
    document, sources = with_sources(make(layers=2), photograph)
    for usetex in (False, True):
        with mpl.rc_context({"text.usetex": usetex}):
            still(document, sources, {"pins": [[0.5, 0.5]]})
    plain, tex = ([text.get_text() for text in fig.texts] for fig in figures)
    assert any(" %" in words.replace("\N{NO-BREAK SPACE}", " ") for words in plain)
    assert tex == [as_tex(words) for words in plain]


def test_shares_below_the_least_are_left_out(make, photograph, graphs):
    exp = make(layers=2)
    drawn(exp, photograph, {"pins": [[0.5, 0.5]], "share": 0.1})
    ((seen, layer, options),) = graphs
    node = options["center"][0]
    share, neighbors = exp.layer(layer).share[0, node], seen.layer(layer).neighbors[0, node]
    assert torch.equal(neighbors >= 0, share >= 0.1)
    assert 0 < int((neighbors >= 0).sum()) < len(share)


def test_who_aggregates_from_a_patch_is_what_the_page_shows(make, make_pyramid, photograph, graphs):
    exp = make(layers=2)
    edges = sent_from(exp.layer(-1), 0, 75, {"k": 5, "share": 0.05, "order": "rank"})
    wanted = [
        (node, rank)
        for node, rank in np.argwhere(exp.layer(-1).neighbors[0].numpy() == 75)
        if rank < 5 and exp.layer(-1).share[0, node, rank] >= 0.05
    ]
    assert wanted
    assert edges.nodes.tolist() == [node for node, _ in wanted]
    assert edges.share == pytest.approx([float(exp.layer(-1).share[0, node, rank]) for node, rank in wanted])
    # By contribution: those that are among the five largest of the patch that aggregates.
    contribution = exp.layer(-1).contribution[0].abs()
    first = contribution.argsort(dim=1, descending=True)[:, :5]
    wanted = [
        node
        for node, rank in np.argwhere(exp.layer(-1).neighbors[0].numpy() == 75)
        if rank in first[node] and exp.layer(-1).share[0, node, rank] >= 0.05
    ]
    assert sent_from(exp.layer(-1), 0, 75, {"k": 5, "share": 0.05}).nodes.tolist() == wanted
    state = {"pins": [[0.5, 0.5]], "opacity": 0, "grid": False}
    inward, outward = (drawn(exp, photograph, {**state, "out": out}) for out in (False, True))
    assert (np.abs(inward - outward).max(-1) > 40).sum() > 300
    assert len(graphs) == 1, "only the edges of the first come from the painter of neighbors"
    pyramid = make_pyramid()
    key = sent_from(pyramid.layer(0), 0, 1596, {}).key
    assert key == 105, "the key node that covers it"
    drawn(pyramid, photograph, {"layer": 1, "out": True, "pins": [[0.51, 0.51]]})


def test_the_second_picture_stands_beside_the_first(make, make_pyramid, photograph, graphs):
    exps = [make(), make_pyramid()]
    state = {"layer": 12, "with": {"subject": 1, "target": 3, "method": "gradcam"}}
    one, two = drawn(exps, photograph, {"layer": 12}), drawn(exps, photograph, state)
    assert two.shape[1] > 1.9 * one.shape[1]
    assert [layer for _, layer, _ in graphs[1:]] == [11, 8], "as far through a network of another depth"
    assert graphs[2][2]["row"] == 1


def test_canvas_zoom_and_field_are_those_of_the_screen(make, photograph):
    wide = np.ascontiguousarray(photograph[:112])
    exp = make(layers=2)
    original, squashed = (drawn(exp, wide, {"canvas": canvas}) for canvas in ("original", "input"))
    assert squashed.shape[0] - original.shape[0] > 200, "what a square network saw is square"
    whole, part = drawn(exp, photograph), drawn(exp, photograph, {"zoom": 4, "at": [0.2, 0.2]})
    assert whole.shape == part.shape
    assert np.abs(whole - part).mean() > 10
    chosen = drawn(exp, photograph, {"field": "chosen"})
    assert np.abs(whole - chosen).mean() > 5


def test_a_blank_map_without_a_kept_patch_has_no_picture(make, with_layer, photograph):
    exp = make(layers=2, targets=(2,))
    last = exp.layers[1]
    blank = with_layer(exp, 1, cam=last.cam * 0, peak=last.peak * 0 - 1)
    assert still(*with_sources(blank, photograph), {}) is None
    assert still(*with_sources(blank, photograph), {"pins": [[0.5, 0.5]]}) is not None


def test_hops_stop_where_a_layer_was_not_explained(make, photograph, graphs):
    exp = make(layers=4)
    some = dataclasses.replace(exp, layers=(exp.layers[0], exp.layers[3]))
    drawn(some, photograph, {"hops": 3})
    assert graphs[0][2]["hops"] == 1


def test_rows_that_share_a_subject_are_drawn_from_the_explanation_each_came_from(make, photograph, graphs):
    exps = [make(targets=(2,)), make(targets=(2,), method="layercam")]
    drawn(exps, photograph, {"method": "layercam"})
    assert graphs[0][0] is exps[1]
    document, _ = with_sources(exps, photograph)
    assert describe(document, {"method": "layercam"}).endswith("Layer-CAM")


def test_what_was_packed_comes_back():
    values = torch.tensor([-2.0, 0.5, float("nan"), 3.0])
    assert unpack(pack_signed(values)).tolist() == pytest.approx([-2, 0.5, float("nan"), 3], abs=1e-4, nan_ok=True)
    assert unpack(pack_unsigned(values.abs()))[[0, 1, 3]].tolist() == pytest.approx([2, 0.5, 3], abs=1e-4)
    assert unpack(pack_indices(torch.tensor([40000, -1]))).tolist() == [40000, -1]
