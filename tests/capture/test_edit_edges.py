"""Edges that are cut are really gone, nothing else changes, and nothing is left behind."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import viz_nodes
from builders.networks import hooks_on

EXACT = ["mr", "concat", "edge", "sage", "gin"]
POOLED = {"reduction": 2, "k": 3, "positions": True}


def reference_logits(net, pixels, kind, masks):
    """The network written out, with the edges of `masks` left out of every maximum and sum (mr, gin)."""
    x = net.stem(pixels)
    for block, kept in zip(net.backbone, masks):
        grapher = block[0]
        conv = grapher.graph_conv.static.gconv
        features = grapher.fc1(x)
        edges = grapher.graph_conv.knn(features.flatten(2)[..., None])
        flat = features.flatten(2)
        heard = torch.stack([row[:, index] for row, index in zip(flat, edges[0])])
        if kind == "gin":
            total = (heard * kept[:, None]).sum(-1)
            given = (1 + conv.eps) * flat + total
        else:
            relative = (heard - flat[..., None]).masked_fill(~kept[:, None], float("-inf")).amax(-1)
            relative = torch.where(kept.any(-1)[:, None], relative, torch.zeros_like(relative))
            given = torch.stack([flat, relative], 2).flatten(1, 2)
        done = conv.nn(given[..., None]).view(x.shape[0], -1, *x.shape[2:])
        x = block[1](grapher.fc2(done) + x)
    return net.head(x.mean((2, 3)))


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("options", [{}, POOLED])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cutting_every_edge_without_share_leaves_logits_bit_identical(kind, options, dtype, make_net, make_pixels):
    net, pixels = make_net(kind, dtype=dtype, **options), make_pixels(dtype=dtype)
    exp = viz_nodes.explain(net, pixels)
    cut = {layer.index: layer.share == 0 for layer in exp.layers}
    with torch.no_grad():
        plain = net(pixels)
        with viz_nodes.edit_edges(net, cut=cut) as gone:
            edited = net(pixels)
    assert torch.equal(edited, plain)
    assert dict(gone) == {layer.index: int((layer.share == 0).sum()) for layer in exp.layers}
    assert kind == "gin" or sum(gone.values()) > 0
    assert hooks_on(net) == 0


@pytest.mark.parametrize("kind", ["mr", "gin"])
def test_edited_logits_are_those_of_the_network_written_out(kind, make_net, make_pixels):
    net, pixels = make_net(kind), make_pixels()
    generator = torch.Generator().manual_seed(5)
    masks = [torch.rand(2, 24, 4, generator=generator) < 0.6 for _ in range(3)]
    masks[1][0, 7] = False  # a node with no edge left
    with torch.no_grad():
        wanted = reference_logits(net, pixels, kind, masks)
        with viz_nodes.edit_edges(net, keep=dict(enumerate(masks))):
            edited = net(pixels)
        with viz_nodes.edit_edges(net, cut={i: ~m for i, m in enumerate(masks)}):
            again = net(pixels)
        assert not torch.allclose(net(pixels), wanted)
    torch.testing.assert_close(edited, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(again, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["edge", "sage"])
def test_a_cut_neighbor_is_not_heard(kind, make_net, make_pixels):
    """The edited maximum is the maximum over the others: the same as if the cut neighbor were one of those kept."""
    net, pixels = make_net(kind, depth=1), make_pixels(1)
    cut = torch.zeros(24, 4, dtype=torch.bool)
    cut[:, 2] = True
    with torch.no_grad():
        with viz_nodes.edit_edges(net, cut={0: cut}):
            edited = net(pixels)
        conv = net.backbone[0][0].graph_conv.static

        def doubled(_module, args):
            edges = args[1].clone()
            edges[0, :, :, 2] = edges[0, :, :, 0]
            return (args[0], edges, *args[2:])

        handle = conv.register_forward_pre_hook(doubled)
        wanted = net(pixels)
        handle.remove()
    torch.testing.assert_close(edited, wanted, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(edited, net(pixels))


@pytest.mark.parametrize("kind", ["edge", "sage"])
def test_a_node_without_edges_receives_zero(kind, make_net, make_pixels):
    net, pixels = make_net(kind, depth=1), make_pixels(1)
    seen = {}
    conv = net.backbone[0][0].graph_conv.static.gconv
    if kind == "edge":
        handle = conv.register_forward_hook(lambda m, a, out: seen.update(message=out))
    else:
        handle = conv.nn.register_forward_pre_hook(lambda m, a: seen.update(message=a[0][:, 6:]))
    with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: torch.ones(24, 4, dtype=torch.bool)}):
        net(pixels)
    handle.remove()
    assert seen["message"].abs().max() == 0


def test_frozen_graphs_stay_and_rebuilt_ones_follow_the_edit(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    cut = {0: torch.ones(24, 4, dtype=torch.bool)}
    with viz_nodes.edit_edges(net, cut=cut, frozen=exp):
        frozen = viz_nodes.explain(net, pixels)
    with viz_nodes.edit_edges(net, cut=cut):
        rebuilt = viz_nodes.explain(net, pixels)
    assert frozen.depth == rebuilt.depth == 3
    for layer in (1, 2):
        assert torch.equal(frozen.layer(layer).neighbors, exp.layer(layer).neighbors)
    assert not torch.equal(rebuilt.layer(1).neighbors, exp.layer(1).neighbors)
    with torch.no_grad(), viz_nodes.edit_edges(net, frozen=exp):
        assert torch.equal(net(pixels), net(pixels))
        same = net(pixels)
    assert torch.equal(same, net(pixels))


def test_a_frozen_graph_of_one_image_serves_many(make_net, make_pixels):
    net, pixels = make_net(), make_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    masks = torch.zeros(3, 24, 4, dtype=torch.bool)
    masks[1, :, 3] = True
    masks[2, :, 1:] = True
    with torch.no_grad():
        with viz_nodes.edit_edges(net, cut={-1: masks}, frozen=exp):
            together = net(pixels.repeat(3, 1, 1, 1))
        for row in range(3):
            with viz_nodes.edit_edges(net, cut={2: masks[row]}, frozen=exp):
                torch.testing.assert_close(net(pixels)[0], together[row], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", EXACT)
def test_explaining_inside_an_edit_shows_the_edges_that_are_left(kind, make_net, make_pixels):
    net, pixels = make_net(kind), make_pixels()
    cut = torch.zeros(24, 4, dtype=torch.bool)
    cut[:, 0] = cut[5] = True
    for _ in range(2):  # with the search for layers inside the explanation, and after it
        with viz_nodes.edit_edges(net, cut={1: cut}):
            exp = viz_nodes.explain(net, pixels)
            assert all(proof.proven for proof in viz_nodes.verify(net, pixels))
            logits = net(pixels)
        layer = exp.layer(1)
        assert layer.exact
        assert torch.equal(layer.neighbors < 0, cut.expand(2, -1, -1))
        assert layer.share[:, cut].abs().max() == 0
        assert layer.contribution[:, cut].abs().max() == 0
        assert layer.share[:, ~cut.all(1)].sum(-1).sub(1).abs().max() < 1e-12
        assert torch.equal(exp.logits, logits.detach())


def test_pairs_and_functions_name_edges_too(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    neighbor = int(exp.layer(0).neighbors[0, 3, 1])
    mask = torch.zeros(2, 24, 4, dtype=torch.bool)
    mask[:, 3] = exp.layer(0).neighbors[:, 3] == neighbor
    with torch.no_grad():
        answers = []
        for edges in (mask, [(neighbor, 3)], lambda neighbors: mask, mask.numpy()):
            with viz_nodes.edit_edges(net, cut={0: edges}) as gone:
                answers.append(net(pixels))
            assert gone[0] == int(mask.sum())
    assert all(torch.equal(answer, answers[0]) for answer in answers)


def test_wrong_edits_are_refused_and_leave_nothing(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    for cut, kind, words in (
        ({3: [(0, 0)]}, ValueError, r"must name layers in \[-3, 3\)"),
        ({0: torch.zeros(5, 4, dtype=torch.bool)}, ValueError, "must be of shape"),
        ({0: [(0, 99)]}, ValueError, "must name centers"),
        ({0: [7]}, TypeError, "pairs"),
    ):
        with pytest.raises(kind, match=words), viz_nodes.edit_edges(net, cut=cut):
            net(pixels)
        assert hooks_on(net) == 0
    with pytest.raises(TypeError, match="must map layers"), viz_nodes.edit_edges(net, cut=[1]):
        pass
    foreign = make_net("spread")
    with pytest.raises(ValueError, match="adapter"), viz_nodes.edit_edges(foreign, cut={0: [(0, 0)]}):
        foreign(pixels)
    plain = net(pixels)
    assert torch.equal(plain, net(pixels))


@pytest.mark.parametrize("written", ["generator", "nested generators", "list", "map"])
def test_an_edit_says_the_same_in_every_forward(written, make_net, make_pixels):
    """An iterator that is used up by the first forward cut nothing in the second."""
    net, pixels = make_net(), make_pixels()
    neighbors = viz_nodes.explain(net, pixels).layer(-1).neighbors[0]
    pairs = [(int(neighbors[center, 1]), center) for center in range(24)]
    edges = {
        "generator": (pair for pair in pairs),
        "nested generators": ((node for node in pair) for pair in pairs),
        "list": pairs,
        "map": map(tuple, pairs),
    }[written]
    with torch.no_grad():
        plain = net(pixels)
        with viz_nodes.edit_edges(net, cut={-1: edges}) as gone:
            first, counted = net(pixels), dict(gone)
            pairs.clear()
            assert torch.equal(net(pixels), first)
            assert dict(gone) == counted
    assert counted[2] >= 24
    assert not torch.equal(first, plain)


def test_an_edit_is_not_changed_by_what_happens_to_its_tensor(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    mask = torch.ones(24, 4, dtype=torch.bool)
    with viz_nodes.edit_edges(net, cut={0: mask}) as gone:
        mask[:] = False
        net(pixels)
    assert gone[0] == 2 * 24 * 4


@pytest.mark.parametrize("edges", [5, "ab", None])
def test_what_are_no_edges_is_refused_at_once(edges, make_net):
    with pytest.raises(TypeError, match="for layer 1"), viz_nodes.edit_edges(make_net(), cut={1: edges}):
        pass


def test_a_layer_named_from_both_ends_is_refused(make_net, make_pixels):
    net = make_net()
    edits = {-1: lambda neighbors: neighbors == 1, 2: lambda neighbors: neighbors == 2}
    with pytest.raises(ValueError, match="name a layer once"), viz_nodes.edit_edges(net, cut=edits):
        net(make_pixels())


def test_an_explanation_of_another_network_is_not_frozen(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()

    class Another(type(net)):
        pass

    another = make_net()
    another.__class__ = Another
    deeper = viz_nodes.explain(make_net(depth=4), pixels)
    for frozen, words in (
        (viz_nodes.explain(another, pixels), "an explanation of Another"),
        (deeper, "of 3 graph layers"),
        (viz_nodes.explain(make_net("edge"), pixels), "edge"),
        (dataclasses.replace(viz_nodes.explain(net, pixels), image_size=(48, 32)), "pixels"),
    ):
        with pytest.raises(ValueError, match=words), viz_nodes.edit_edges(net, frozen=frozen):
            net(pixels)
        assert hooks_on(net) == 0
    with pytest.raises(TypeError, match="must be an Explanation"), viz_nodes.edit_edges(net, frozen=deeper.layers[0]):
        pass


def test_neighbors_can_be_replaced(make_net, make_pixels):
    """By those of another image, by fewer, and by a function; -1 is no edge."""
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    swapped = exp.layer(0).neighbors.flip(0)
    with viz_nodes.edit_edges(net, replace={0: swapped}):
        inside = viz_nodes.explain(net, pixels)
    assert torch.equal(inside.layer(0).neighbors, swapped)
    assert inside.layer(0).exact
    fewer = exp.layer(0).neighbors[..., :2]
    mask = torch.tensor([False, False, True, True]).expand(24, 4)
    with torch.no_grad():
        answers = []
        for edits in (
            {"replace": {0: fewer}},
            {"replace": {0: lambda neighbors: neighbors[..., :2]}},
            {"replace": {0: exp.layer(0).neighbors.masked_fill(mask, -1)}},
            {"cut": {0: mask}},
        ):
            with viz_nodes.edit_edges(net, **edits):
                answers.append(net(pixels))
    for answer in answers[1:]:
        torch.testing.assert_close(answer, answers[0], rtol=1e-12, atol=1e-12)
    for wrong, kind, words in (
        (fewer[:, :5], ValueError, "must be of shape"),
        (fewer + 30, ValueError, "must name key nodes"),
        (fewer.double(), TypeError, "numbers of key nodes"),
    ):
        with pytest.raises(kind, match=words), viz_nodes.edit_edges(net, replace={0: wrong}):
            net(pixels)


def test_a_layer_that_was_to_be_edited_and_did_not_run_is_told(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    viz_nodes.explain(net, pixels)
    net.backbone[1][0].forward = lambda x: x
    with pytest.raises(RuntimeError, match="layer 2 was to be edited"), viz_nodes.edit_edges(net, cut={1: [(0, 0)]}):
        net(pixels)
