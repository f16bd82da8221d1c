"""Sets of edges are found by named orders, written down, and checked again; what is written is not believed."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

import viz_nodes
from builders.networks import seeded_net, seeded_pixels
from builders.planted import PATH, Planted, planted_pixels
from viz_nodes.draw import figure, panel
from viz_nodes.metrics.edge_scores import edge_scores
from viz_nodes.metrics.edge_sets import EdgeSet, _Replay, sufficient_edges
from viz_nodes.metrics.sets import set_of, set_record


@pytest.fixture(scope="module")
def planted():
    net, pixels = Planted(0).double().eval(), planted_pixels(seed=0)
    return net, pixels, viz_nodes.explain(net, pixels)


def test_the_path_is_written_and_holds_when_it_is_run_again(planted):
    net, pixels, exp = planted
    told = viz_nodes.with_sets(net, pixels, exp, draws=64)
    sufficient, necessary = json.loads(json.dumps(told.extras["sets"]))
    assert sufficient["edges"] == {str(at + 1): [list(pair)] for at, pair in enumerate(PATH)}
    assert (sufficient["size"], sufficient["total"], sufficient["class"]) == (2, 192, 0)
    assert sufficient["random"] == {"draws": 64, "failed": 64, "seed": 0}
    assert necessary["size"] is None, "without any edge both classes have 0, and the first of equals is named"
    check = viz_nodes.check_set(net, pixels, exp, sufficient)
    assert check.holds
    assert "64 of 64 random sets" in check.words


def test_nothing_that_is_written_is_believed(planted):
    net, pixels, exp = planted
    (good,) = viz_nodes.with_sets(net, pixels, exp, "sufficient", draws=16).extras["sets"]

    def checked(**changes):
        record = copy.deepcopy(good)
        for name, value in changes.items():
            record[name] = value
        return viz_nodes.check_set(net, pixels, exp, record)

    neighbors = exp.layer(0).neighbors[0]
    other = [[int(neighbors[7, 1]), 7]]
    assert "give class 0 with 0" in checked(edges={**good["edges"], "1": other}).words
    assert "no edge from 99 to 9" in checked(edges={**good["edges"], "1": [[99, 9]]}).words
    assert "and its edges are 3" in checked(edges={**good["edges"], "1": [*good["edges"]["1"], *other]}).words
    assert "not the 1 written" in checked(whole=1.0).words
    assert "not class 0 with 1" in checked(score=1.0).words
    assert "fail where 3 are written" in checked(random={"draws": 16, "failed": 3, "seed": 0}).words
    assert "cannot be" in checked(kind="necessary").words
    assert "cannot be" in checked(epsilon=2.0).words
    assert "cannot be" in checked(edges={"9": []}).words
    assert "cannot be" in viz_nodes.check_set(net, pixels, exp, {}).words
    for wrong in ({"whole": 1.0}, {"score": 1.0}, {"edges": {**good["edges"], "1": other}}, {"kind": "necessary"}):
        assert not checked(**wrong).holds
    # An empty set, written as it answers, is not sufficient.
    empty = checked(edges={"1": [], "2": []}, size=0, score=0.0)
    assert not empty.holds
    assert "are not sufficient" in empty.words


def test_a_pair_that_is_there_twice_is_as_many_edges():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    twice = exp.layer(0).neighbors.clone()
    twice[0, 3, 2] = twice[0, 3, 1]
    object.__setattr__(exp.layer(0), "neighbors", twice)
    mask = torch.zeros(24, 4, dtype=torch.bool)
    mask[3, 2] = True
    record = set_record(exp, EdgeSet({0: mask}, 1, 96, 0.0, 0.0, 0, 0, 0.1, "share"))
    again = set_of(exp, record).edges[0]
    assert again.nonzero().tolist() == [[3, 1]], "the first of the two, which are equal"
    both = set_record(exp, EdgeSet({0: mask | again}, 2, 96, 0.0, 0.0, 0, 0, 0.1, "share"))
    assert torch.equal(set_of(exp, both).edges[0], mask | again)


def test_the_smaller_of_both_ways_is_kept():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    sizes = {}
    for name, way in (("contribution", lambda own: own), ("size of contribution", torch.abs)):
        scores = {at: way(edge_scores(net, pixels, exp, at, "contribution")["contribution"]) for at in range(3)}
        sizes[name] = sufficient_edges(net, pixels, exp, scores, epsilon=0.01).size
    best = viz_nodes.edge_set(net, pixels, exp, epsilon=0.01)
    assert sizes["contribution"] < sizes["size of contribution"]
    assert (best.order, best.size) == min(sizes.items(), key=lambda each: each[1])
    with pytest.raises(ValueError, match="sufficient, necessary"):
        viz_nodes.edge_set(net, pixels, exp, "enough")


def test_a_size_that_the_score_rushes_through_is_found(planted, monkeypatch):
    """The score rises through the whole one between two sizes tried, and comes back late: the first is the set."""
    net, pixels, exp = planted
    asked = _Replay(net, pixels, exp, {at: torch.zeros(24, 4) for at in range(2)}, 0)
    asked.whole = 10.0, 0

    def run(cuts):
        kept = torch.tensor([int((~cut).sum()) for cut in cuts])
        return torch.where(kept < 100, kept.double() * 2, 20.0 - (kept - 100) * 0.1), torch.zeros(len(kept)).long()

    monkeypatch.setattr(asked, "run", run)
    assert asked.smallest(0.1).size == 5, "twice 5 is 10, and 9 is near enough from 4.5 on"


def test_the_picture_draws_the_set_s_edges_and_says_what_they_do(planted):
    net, pixels, exp = planted
    told = viz_nodes.with_sets(net, pixels, exp, "sufficient", draws=16)
    image = np.zeros((240, 160, 3), np.uint8)
    made = panel("edges", told, 0, image, edge_set="sufficient")
    assert "alone, 2 of the 192 edges of all layers keep class 0" in made.caption
    assert "of 16 random sets as large 16 do not" in made.caption
    from viz_nodes.draw.strongest import set_edges
    from viz_nodes.draw.subject import Subject

    drawn = set_edges(Subject(told, told.layer(0), 0, None, None), "sufficient")
    assert list(zip(drawn.senders.tolist(), drawn.receivers.tolist(), strict=True)) == [PATH[0]]
    both = figure(told, image, layers=[0, 1], kinds=["edges"], edge_set="sufficient")
    assert both.caption.count("alone, 2 of the 192 edges") == 1
    with pytest.raises(ValueError, match="with_sets"):
        panel("edges", exp, 0, image, edge_set="sufficient")
    none = viz_nodes.with_sets(net, pixels, exp, "necessary")
    assert "No set of edges is necessary" in panel("edges", none, 0, image, edge_set="necessary").caption
