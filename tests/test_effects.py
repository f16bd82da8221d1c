"""An effect is what the score does when the edge is cut: nothing more, nothing less, whatever the way there."""

from __future__ import annotations

import pytest
import torch

import viz_nodes
from builders.networks import hooks_on, seeded_net, seeded_pixels

POOLED = {"reduction": 2, "k": 3, "positions": True}


def one_by_one(net, pixels, exp, layer, node, row=0):
    """The same by cutting through `edit_edges`, one forward an edge."""
    target, image = int(exp.target[row]), int(exp.source[row])
    own = exp.only(row)
    pixels = pixels[image : image + 1]
    shape = own.layer(layer).neighbors.shape[1:]
    with torch.no_grad(), viz_nodes.edit_edges(net, frozen=own):
        before = float(net(pixels)[0, target])
    found = []
    for rank in range(shape[1]):
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[node, rank] = True
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={layer: mask}, frozen=own):
            found.append(float(net(pixels)[0, target]) - before)
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["mr", "edge", "sage", "gin"])
@pytest.mark.parametrize("options", [{}, POOLED])
@pytest.mark.parametrize("layer", [0, -1])
def test_an_effect_is_the_change_of_the_score_when_the_edge_is_cut(kind, options, layer):
    net, pixels = seeded_net(kind, **options), seeded_pixels()
    exp = viz_nodes.explain(net, pixels)
    peak = int(exp.layer(layer).peak[1])
    node = peak if peak >= 0 else 5  # a blank map has no peak
    effects = viz_nodes.effect(net, pixels, exp, layer, None if peak >= 0 else node, row=1)
    assert torch.allclose(effects, one_by_one(net, pixels, exp, layer, node, row=1), rtol=0, atol=1e-12)
    assert float(effects.abs().max()) > 1e-6
    assert hooks_on(net) == 0


def test_an_edge_without_share_has_no_effect_at_all():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    for node in range(24):
        idle = exp.layer(1).share[0, node] == 0
        assert (viz_nodes.effect(net, pixels, exp, 1, node)[idle] == 0).all()


def test_sets_are_cut_together_and_in_any_batch():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    sets = torch.rand(5, *exp.layer(0).neighbors.shape[1:], generator=torch.Generator().manual_seed(0)) < 0.3
    whole = viz_nodes.effect(net, pixels, exp, 0, edges=sets)
    for each, value in zip(sets, whole, strict=True):
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: each}, frozen=exp):
            change = net(pixels)[0, exp.target[0]] - exp.logits[0, exp.target[0]]
        assert float(value) == pytest.approx(float(change), abs=1e-12)
    assert torch.allclose(viz_nodes.effect(net, pixels, exp, 0, edges=sets, batch=2), whole, rtol=0, atol=1e-12)
    node, sender = 3, int(exp.layer(0).neighbors[0, 3, 1])
    by_pair = viz_nodes.effect(net, pixels, exp, 0, edges=[[(sender, node)]])
    assert float(by_pair[0]) == pytest.approx(float(viz_nodes.effect(net, pixels, exp, 0, node)[1]), abs=1e-12)


def test_layers_before_the_cut_do_not_run_again():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    ran = []
    handle = net.stem.register_forward_hook(lambda module, args, output: ran.append(len(output)))
    inner = net.backbone[0][0].graph_conv.static.gconv.register_forward_hook(lambda *_: ran.append("layer 1"))
    viz_nodes.effect(net, pixels, exp, -1, edges=torch.ones(40, *exp.layer(-1).neighbors.shape[1:], dtype=torch.bool))
    handle.remove()
    inner.remove()
    assert ran.count("layer 1") <= 4  # the structure looked at, the layer's inputs learned; not once a batch


def test_what_cannot_be_measured_says_so():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels, layers=[0])
    with pytest.raises(ValueError, match="must explain all 3 graph layers"):
        viz_nodes.effect(net, pixels, exp, 0)
    exp = viz_nodes.explain(net, pixels)
    missing = next(j for j in range(24) if j not in exp.layer(0).neighbors[0, 3])
    with pytest.raises(ValueError, match="which is none"):
        viz_nodes.effect(net, pixels, exp, 0, edges=[[(missing, 3)]])
    with pytest.raises(ValueError, match=r"sets of edges \(S, N, k\)"):
        viz_nodes.effect(net, pixels, exp, 0, edges=torch.ones(24, 4, dtype=torch.bool))
