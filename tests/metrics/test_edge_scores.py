"""What edges are said to be worth: each method against what it is defined by, and against what cutting does."""

from __future__ import annotations

import pytest
import torch

import viz_nodes
from builders.networks import hooks_on, seeded_net, seeded_pixels
from viz_nodes.metrics.agreement import agreement, agreement_summary, best_order, foretold
from viz_nodes.metrics.edge_scores import METHODS, OPTIONAL, edge_scores

CHEAP = tuple(name for name in METHODS if name not in OPTIONAL)


@pytest.fixture(scope="module")
def asked():
    net, pixels = seeded_net(), seeded_pixels(1)
    return net, pixels, viz_nodes.explain(net, pixels)


@pytest.mark.parametrize("kind", ["mr", "edge", "sage", "gin"])
@pytest.mark.parametrize("layer", [0, -1])
def test_the_gradient_of_a_mask_is_the_contribution_found_another_way(kind, layer):
    # torch's own gradient of the textbook's edge convolution differs between one image and two.
    images = 1 if kind == "edge" else 2
    net, pixels = seeded_net(kind), seeded_pixels(images)
    exp = viz_nodes.explain(net, pixels)
    found = edge_scores(net, pixels, exp, layer, ("gradient", "contribution"), row=-1)
    assert float(found["contribution"].abs().max()) > 1e-4
    torch.testing.assert_close(found["gradient"], found["contribution"], rtol=1e-6, atol=1e-9)
    assert hooks_on(net) == 0


@pytest.mark.parametrize("kind", ["mr", "gin"])
def test_integrated_gradients_sum_to_what_all_messages_are_worth(kind):
    net, pixels = seeded_net(kind), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    found = edge_scores(net, pixels, exp, -1, "integrated")["integrated"]
    shape = exp.layer(-1).neighbors.shape
    with torch.no_grad(), viz_nodes.edit_edges(net, weigh={-1: torch.zeros(shape, dtype=torch.float64)}, frozen=exp):
        without = float(net(pixels)[0, exp.target[0]])
    assert float(found.sum()) == pytest.approx(float(exp.logits[0, exp.target[0]]) - without, abs=2e-3)


def test_the_effect_is_what_is_lost_with_the_edge(asked):
    net, pixels, exp = asked
    found = edge_scores(net, pixels, exp, 1, "effect", nodes=[3, 7])["effect"]
    for node in (3, 7):
        assert torch.allclose(found[node], -viz_nodes.effect(net, pixels, exp, 1, node).double(), atol=1e-12)
    assert found[[at for at in range(24) if at not in (3, 7)]].isnan().all()
    everything = edge_scores(net, pixels, exp, 1, "effect")["effect"]
    assert torch.allclose(everything[[3, 7]], found[[3, 7]], atol=1e-12)
    assert (everything[exp.layer(1).share[0] == 0] == 0).all()


def test_plain_scores(asked):
    net, pixels, exp = asked
    layer = exp.layer(0)
    found = edge_scores(net, pixels, exp, 0, ("rank", "distance", "cosine", "share", "random"))
    assert (found["rank"].argsort(1, descending=True) == torch.arange(4)).all()
    assert torch.equal(found["distance"], -layer.distance[0])
    assert torch.equal(found["share"], layer.share[0])
    # Without positions the distance of normalized features is 2 - 2 cosine.
    torch.testing.assert_close(found["cosine"], 1 - layer.distance[0] / 2, rtol=0, atol=1e-5)
    again = edge_scores(net, pixels, exp, 0, "random")["random"]
    assert torch.equal(found["random"], again)
    assert not torch.equal(again, edge_scores(net, pixels, exp, 0, "random", seed=1)["random"])


@pytest.mark.parametrize("name", OPTIONAL)
def test_learned_masks_find_the_edges_that_matter(name, monkeypatch):
    pytest.importorskip("torch_geometric")
    from viz_nodes.metrics import learned_masks

    monkeypatch.setattr(learned_masks, "GNN_EPOCHS", 25)
    monkeypatch.setattr(learned_masks, "PG_EPOCHS", 5)
    net, pixels = seeded_net(dtype=torch.float32), seeded_pixels(1, dtype=torch.float32)
    exp = viz_nodes.explain(net, pixels)
    kept: dict = {}
    state = torch.random.get_rng_state()
    found = edge_scores(net, pixels, exp, 0, name, kept=kept)[name]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert ((found >= 0) & (found <= 1)).all()
    assert found.shape == exp.layer(0).neighbors.shape[1:]
    assert float(found.std()) > 0
    if name == "gnnexplainer":  # an edge that wins nothing gets no gradient, which torch_geometric writes as 0
        assert (found[exp.layer(0).share[0] == 0] <= found.median() + 0.5).all()
    second = edge_scores(net, pixels, exp, 1, name, kept=kept)[name]
    assert len(kept) == 1
    assert not torch.equal(found, second)


def test_what_cannot_be_scored_says_so(asked):
    net, pixels, exp = asked
    with pytest.raises(ValueError, match="must be among rank, distance"):
        edge_scores(net, pixels, exp, 0, "shapley")
    with pytest.raises(ValueError, match="must explain all 3"):
        edge_scores(net, pixels, viz_nodes.explain(net, pixels, layers=[0]), 0)
    with (
        pytest.raises(TypeError, match="must hold fractions"),
        viz_nodes.edit_edges(net, weigh={0: torch.ones(24, 4, dtype=torch.int64)}),
    ):
        net(pixels)
    with pytest.raises(ValueError, match="must be of shape"), viz_nodes.edit_edges(net, weigh={0: torch.ones(24, 3)}):
        net(pixels)


def test_foretelling_by_hand():
    worth = torch.tensor([0.1, -0.5, 0.2, 0.0])
    perfect = foretold("contribution", worth * 3, worth)
    assert perfect["size"] == perfect["signed"] == perfect["top1"] == perfect["top3"] == 1
    blind = foretold("share", torch.tensor([0.25, 0.25, 0.25, 0.25]), worth)
    assert blind["top1"] == 0.25
    assert blind["signed"] != blind["signed"]
    assert foretold("rank", torch.tensor([0.0, -1, -2, -3]), worth)["top1"] == 0
    assert foretold("rank", torch.tensor([0.0, -1, -2, -3]), worth)["top3"] == 1


def test_agreement_holds_methods_beside_what_cutting_does():
    net = seeded_net()
    images = [(f"image {at}", seeded_pixels(1, seed=at)) for at in range(4)]
    import pandas as pd

    lines = [line for part in agreement(net, images, methods=("effect", "share", "random")) for line in part]
    table = pd.DataFrame(lines)
    assert (table[table.method == "effect"][["size", "signed", "top1", "top3"]] == 1).all().all()
    means = agreement_summary(table, by=())
    assert list(means.method) == ["effect", "share", "random"]
    random = means[means.method == "random"].iloc[0]
    assert random.size_low < random["size"] < random.size_high
    assert not random.tie
    assert best_order(table, ("share", "random")) == "share"
    by_layer = agreement_summary(table)
    assert set(by_layer.layer) <= {0, 1, 2}
    assert (by_layer.peaks <= 4).all()
