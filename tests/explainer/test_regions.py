"""Networks on superpixels: nodes without a grid are explained where their regions are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import Static, seeded
from viz_nodes.capture import NoGraphLayer
from viz_nodes.places import LabelMap, Polygons

LABELS = torch.tensor(np.kron(np.array([[0, 0, 1], [2, 3, 1], [4, 4, 4]]), np.ones((8, 6), int)))


class OnRegions(nn.Module):
    """The mean color of each region, two graph layers on them, the mean of all: 5 nodes, 4 classes."""

    def __init__(self, labels=LABELS):
        super().__init__()
        one = torch.nn.functional.one_hot(labels.flatten()).double()
        self.register_buffer("pool", one / one.sum(0))
        self.first, self.second = Static("mr", 3), Static("mr", 6)
        self.head = nn.Linear(12, 4)

    def forward(self, pixels):
        x = (pixels.flatten(2) @ self.pool.to(pixels))[..., None]
        for layer in (self.first, self.second):
            away = torch.cdist(x[..., 0].transpose(1, 2), x[..., 0].transpose(1, 2))
            near = away.topk(3, largest=False).indices
            x = layer(x, torch.stack([near, torch.arange(x.shape[2])[None, :, None].expand_as(near)]))
        return self.head(x.mean((2, 3)))


@pytest.fixture
def net():
    return seeded(OnRegions)


@pytest.fixture
def pixels():
    return torch.rand(2, 3, 24, 18, generator=torch.Generator().manual_seed(3)).double()


def test_without_places_the_error_names_them(net, pixels):
    with pytest.raises(NoGraphLayer, match="with `places` for regions that are no grid"):
        viz_nodes.explain(net, pixels)


def test_nodes_lie_in_the_regions_given(net, pixels, tmp_path):
    exp = viz_nodes.explain(net, pixels, places=LABELS)
    for layer in exp.layers:
        assert layer.grid == (1, 5)
        assert layer.exact
        assert isinstance(layer.places, LabelMap)
    plain = viz_nodes.explain(net, pixels, places=LabelMap(LABELS), layers=[-1])
    assert torch.equal(plain.layers[0].share, exp.layers[1].share)
    assert exp.regions(0).at(3, 20) == 4
    exp.save(tmp_path)
    assert np.array_equal(viz_nodes.Explanation.load(tmp_path).regions(1).label_map(), LABELS)


def test_each_image_may_have_its_own_regions_and_rows_follow_their_image(net, pixels):
    other = LabelMap(4 - LABELS.numpy())
    exp = viz_nodes.explain(net, pixels, places=[LABELS, other], target="top2")
    assert [exp.regions(0, row) is other for row in range(4)] == [False, False, True, True]
    assert viz_nodes.explain(net, pixels[1:], places=[other]).layers[0].places is other


def test_regions_that_do_not_fit_are_refused(net, pixels):
    with pytest.raises(ValueError, match=r"as many regions in each image \(got \[4, 5\]\)"):
        viz_nodes.explain(net, pixels, places=[LABELS, LABELS.clamp(max=3)])
    with pytest.raises(NoGraphLayer, match="`places`"):
        viz_nodes.explain(net, pixels, places=LABELS.clamp(max=3))
    with pytest.raises(ValueError, match="`places` must be for an image of"):
        viz_nodes.explain(net, pixels, places=Polygons([[(0, 0), (1, 0), (1, 1)]] * 5, (8, 8)))


def test_images_of_unequally_many_regions_are_explained_one_by_one(net, pixels):
    more = LABELS.clone()
    more[-1, -1] = 5
    with pytest.raises(ValueError, match=r"\[5, 6\].*one by one"):
        viz_nodes.explain(net, pixels, places=[LABELS, more])
    six = seeded(lambda: OnRegions(more))
    assert [
        viz_nodes.explain(made, pixels[:1], places=regions).layers[0].grid
        for made, regions in ((net, LABELS), (six, more))
    ] == [(1, 5), (1, 6)]


def test_a_grid_of_another_number_of_nodes_is_no_region(make_net, make_pixels):
    with pytest.raises(ValueError, match=r"a region for each node of a layer, \[24\] \(got 5\)"):
        viz_nodes.explain(make_net(), make_pixels(1), places=np.resize(np.arange(5), (24, 16)))


def test_edges_are_cut_and_effects_measured_on_regions_as_on_grids(net, pixels):
    exp = viz_nodes.explain(net, pixels, places=LABELS)
    with viz_nodes.edit_edges(net, cut={0: [(int(exp.layers[0].neighbors[0, 2, 1]), 2)]}, frozen=exp), torch.no_grad():
        assert torch.isfinite(net(pixels)).all()
    effects = viz_nodes.effect(net, pixels, exp, 0, 2)
    assert effects.shape == (3,)
    unheard = exp.layers[0].share[0, 2] == 0
    assert torch.allclose(effects[unheard], torch.zeros(int(unheard.sum()), dtype=effects.dtype), atol=1e-12)
