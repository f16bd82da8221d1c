"""Hyperedges are drawn as the sets they are: whose patches, how strongly, which of them, and in what words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import viz_nodes
from viz_nodes.draw import compare, draw_hyperedges, panel
from viz_nodes.draw.geometry.selection import Selection
from viz_nodes.draw.hyperedges import DASHES, MOST, _moved_inside, hyperedges_of
from viz_nodes.draw.sets_beside import paint_set_difference, set_difference
from viz_nodes.draw.style.palettes import LIGHT
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import subject_of

GRID, CENTER = (6, 8), 20
SETS = ([0, 1, 8, 9], [9, 10, 11], [40, 47], [5], [30, 31, 38])


def with_groups(exp, at=0, shares=(0.1, 0.5, 0.05, 0.0, 0.2, 0.15)):
    """Node `CENTER` hears group 1 in two heads, and more groups than are drawn."""
    layer = exp.layers[at]
    groups = torch.full((len(layer.cam), len(SETS), layer.num_nodes), -1.0)
    for group, members in enumerate(SETS):
        groups[:, group, members] = torch.arange(1, len(members) + 1) / 10
    heard = torch.full((*layer.cam.shape[:1], layer.num_nodes, 6), -1, dtype=torch.int64)
    heard[:, CENTER] = torch.tensor([0, 1, 2, -1, 1, 4])
    share = torch.zeros(heard.shape)
    share[:, CENTER] = torch.tensor(shares)
    kept = [*exp.layers]
    kept[at] = dataclasses.replace(layer, groups=groups, heard=heard, heard_share=share, conv="sum>max")
    return dataclasses.replace(exp, layers=tuple(kept))


@pytest.fixture
def explained(make_explanation):
    return with_groups(make_explanation(layers=(3,), grid=GRID, k=5))


def words_of(text):
    return " ".join(text.get_text().split())


def axes():
    return Figure(figsize=(3, 3), dpi=100).add_axes((0, 0, 1, 1))


def test_those_heard_most_are_drawn_and_heads_are_counted_together(explained):
    found = hyperedges_of(explained.layers[0], Selection(center=CENTER))
    assert (found.groups, found.total, found.is_peak) == ((1, 4, 0, 2), 4, False)
    assert found.shares == pytest.approx((0.7, 0.15, 0.1, 0.05))
    assert [np.flatnonzero(members).tolist() for members in found.members] == [SETS[g] for g in found.groups]
    assert hyperedges_of(explained.layers[0], Selection(center=CENTER, k=2)).groups == (1, 4)
    assert len(DASHES) == MOST


def test_a_loop_is_moved_inside():
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], float)
    assert _moved_inside(square, 1.0).tolist() == [[1, 1], [3, 1], [3, 3], [1, 3]]
    assert _moved_inside(square[::-1], 1.0).tolist() == [[-1, 5], [5, 5], [5, -1], [-1, -1]]  # a hole grows


def test_an_outline_lies_in_the_patches_of_its_members_alone(explained, photograph):
    drawn = draw_hyperedges(axes(), explained, 3, photograph(), center=CENTER, caption=True)
    boxes = explained.layers[0].regions((224, 224)).boxes()
    for at, group in enumerate((1, 4, 0, 2)):
        corners = drawn[f"hyperedge{at}"].get_path().vertices
        inside = [
            any(x0 < x < x1 and y0 < y < y1 for x0, y0, x1, y1 in boxes[SETS[group]]) for x, y in corners.round(3)
        ]
        assert all(inside)
        assert len(drawn[f"members{at}"]) == len(SETS[group])
        faint = [patch.get_facecolor()[3] for patch in drawn[f"members{at}"]]
        assert faint == sorted(faint)  # the more of it a node makes, the stronger
        assert faint[0] < faint[-1] or len(SETS[group]) == 1
    colors = {drawn[f"hyperedge{at}"].get_edgecolor() for at in range(4)}
    assert len(colors) == len({str(drawn[f"hyperedge{at}"].get_linestyle()) for at in range(4)}) == 4
    words = words_of(drawn["caption"])
    assert "all 4 hyperedges that the center aggregates from: magenta 3 nodes, 70 % of the channels; blue 3" in words
    assert "center" in drawn
    assert "peak" not in drawn


def test_figures_show_sets_where_a_layer_has_them(make_explanation, photograph):
    exp = make_explanation(layers=(3, 7), grid=GRID, k=5)
    alone, mixed = with_groups(with_groups(exp), 1), with_groups(exp)
    fig = viz_nodes.figure(alone, photograph(), center=CENTER)
    texts = " ".join(text.get_text() for text in fig.texts)
    assert "hyperedges" in texts
    assert "the edges from neighbors" not in fig.caption
    assert "outlined as sets" in fig.caption
    both = viz_nodes.figure(mixed, photograph(), center=CENTER)
    assert "outlined as sets" in both.caption
    assert "the edges from neighbors" in both.caption
    single = panel("graph", alone, 3, photograph(), center=CENTER)
    assert "hyperedges that the center aggregates from" in words_of(single.texts[0])


def test_one_and_two_hyperedges_are_counted_as_people_do(explained):
    shown = hyperedges_of(explained.layers[0], Selection(center=CENTER))
    for count, words in ((1, "the only hyperedge that"), (2, "both hyperedges that"), (3, "all 3 hyperedges that")):
        groups = {name: getattr(shown, name)[:count] for name in ("groups", "shares", "members")}
        assert dataclasses.replace(shown, total=count, **groups).words(LIGHT).startswith(words)
    few = dataclasses.replace(shown, total=9, groups=shown.groups[:1], members=(shown.members[:1] > 0.9) * 1.0)
    few.members[0, :] = 0
    few.members[0, 5] = 1
    assert "1 node, " in few.words(LIGHT)


def test_the_key_of_hyperedges_alone_names_the_star_and_the_diamond(explained, photograph):
    for center, words in ((None, "star: the map's peak"), (CENTER, "diamond: a center chosen")):
        if center is None:
            explained.layers[0].heard[:] = explained.layers[0].heard[0, explained.layers[0].node(CENTER)]
        fig = viz_nodes.figure(explained, photograph(), kinds=["hyperedges"], center=center)
        assert words in words_of(fig.texts[-1])


def test_a_blank_map_and_a_layer_without_groups_are_told(explained, make_explanation):
    layer = explained.layers[0]
    blank = dataclasses.replace(layer, cam=torch.zeros_like(layer.cam), peak=torch.full_like(layer.peak, -1))
    drawn = draw_hyperedges(axes(), dataclasses.replace(explained, layers=(blank,)), 3)
    assert "blank" in drawn
    assert "hyperedge0" not in drawn
    with pytest.raises(ValueError, match="must be one of a hypergraph"):
        draw_hyperedges(axes(), make_explanation(layers=(3,)), 3)
    with pytest.raises(ValueError, match="must be one node"):
        draw_hyperedges(axes(), explained, 3, center=[CENTER, 3])


def sets_in(fig, name):
    """Words of the notes below panels."""
    return [text for text in (words_of(each) for each in fig.texts) if name in text]


def test_two_explanations_side_by_side_have_what_sets_their_sets_apart(make_explanation, photograph):
    a = with_groups(make_explanation(layers=(3,), grid=GRID, k=5, model="one"))
    b = with_groups(
        make_explanation(layers=(3,), grid=GRID, k=5, seed=1, model="two"), shares=(0.6, 0.1, 0.1, 0, 0.1, 0.1)
    )
    fig = compare([a, b], photograph(), center=CENTER)
    assert "outlined as sets" in fig.caption
    assert "the edges from neighbors" not in fig.caption
    (apart,) = sets_in(fig, "the largest one")
    # [9, 10, 11] in A, [0, 1, 8, 9] in B: node 9 alone is in both.
    assert "1 node in both, 2 only in A, 3 only in B" in apart
    assert len(sets_in(fig, "hyperedges that the center aggregates from")) == 2
    assert any("A against B: of the largest hyperedge" in words_of(text) for text in fig.texts)
    subject = subject_of(a, 3, photograph(), 0, None)
    first, second = (hyperedges_of(each.layers[0], Selection(center=CENTER)) for each in (a, b))
    apart = set_difference(first, second)
    assert (apart.a.tolist(), apart.b.tolist(), apart.both.tolist()) == (SETS[1], SETS[0], [9])
    drawn = paint_set_difference(subject.on(axes()), subject, first, apart, Style())
    assert [len(drawn[name]) for name in ("both", "only_a", "only_b")] == [1, 2, 3]
    tones = {patch.get_facecolor()[:3] for name in ("both", "only_a", "only_b") for patch in drawn[name]}
    assert len(tones) == 3


def test_the_same_sets_stand_once_and_mixed_layers_have_both_rows(make_explanation, photograph):
    exp = make_explanation(layers=(3, 7), grid=GRID, k=5, rows=2)
    alone = with_groups(with_groups(exp), 1)
    fig = compare([alone, alone], photograph(), rows=(0, 1), center=CENTER, layers=[3])
    assert len(sets_in(fig, "the same hyperedges in all columns: all 4 hyperedges")) == 1
    mixed = compare([with_groups(exp), exp], photograph(), center=CENTER, layers=[3])
    assert "outlined as sets" in mixed.caption
    assert "the edges from neighbors" in mixed.caption
    assert not sets_in(mixed, "the largest one")
    with pytest.raises(ValueError, match="`kinds` must be of"):
        compare([alone, alone], photograph(), kinds=("cam", "sets"))
    pictures = compare([exp, exp], photograph(), kinds=("photograph", "cam"))
    assert "the photograph" in pictures.caption
