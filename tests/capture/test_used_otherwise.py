"""Layers that use neighbors in a second way, networks with a second kind of layer, and those that cut their image."""

import warnings

import pytest
import torch
from torch import nn

import viz_nodes
from tests.builders.reaching import WIDTH, Blocks, drawn, given_to_blocks, heard_by, like, nearest, rows, take
from viz_nodes.capture.whereabouts import MisplacedNodes


class Relative(nn.Module):
    """Max-relative, and something beside it."""

    def __init__(self, beside):
        super().__init__()
        self.mix, self.beside = nn.Conv2d(2 * WIDTH, WIDTH, 1), beside

    def forward(self, x, edges):
        nodes = x.flatten(2)
        sent = take(nodes.mT, edges[0]).permute(0, 3, 1, 2)
        best = (sent - nodes[..., None]).amax(-1)
        return self.beside(self.mix(torch.cat([nodes, best], 1)[..., None]), nodes, sent)


def mean_added(heard, nodes, sent):
    return heard + sent.mean(-1)[..., None]


def gated(heard, nodes, sent):
    return heard * (sent * nodes[..., None]).sum(1).mean(-1).sigmoid()[:, None, :, None]


def image_added(heard, nodes, sent):
    return heard + nodes.mean(-1)[:, :, None, None]


def nothing(heard, nodes, sent):
    return heard


class Block(nn.Module):
    def __init__(self, beside=nothing):
        super().__init__()
        self.conv = Relative(beside)

    def forward(self, x):
        near = nearest(rows(x))
        edges = torch.stack([near, torch.arange(near.shape[1])[:, None].expand_as(near)])
        return x + self.conv(x.flatten(2)[..., None], edges).view(x.shape)


class Made(nn.Module):
    """A graph that no module is called with."""

    def __init__(self):
        super().__init__()
        self.after = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        z = rows(x)
        return x + like(self.after(take(z, nearest(z)).amax(2)), x)


class Rolled(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x):
        best = torch.zeros_like(x)
        for step in (1, 2):
            best = torch.maximum(best, x.roll(step, 2) - x)
        return self.mix(torch.cat([x, best], 1))


def explained(*blocks, size=(56, 48)):
    torch.manual_seed(0)
    model, pixels = Blocks(*blocks).eval(), torch.randn(1, 3, *size)
    return model, pixels, viz_nodes.explain(model, pixels)


def test_a_mean_beside_the_maximum_is_part_of_what_is_heard():
    model, pixels, exp = explained(Block(mean_added))
    layer = exp.layer(0)
    assert (layer.conv, layer.exact) == ("max+sum", True)
    (given,) = given_to_blocks(model, pixels)
    for cell in (0, 30, 167):
        assert drawn(layer, cell) == heard_by(model.blocks[0], given, cell)


def test_a_gate_of_neighbors_leaves_nothing_exact_and_says_so():
    model, pixels, exp = explained(Block(gated))
    assert not exp.layer(0).exact
    (proof,) = viz_nodes.verify(model, pixels)
    assert not proof.proven
    assert "used in another way" in proof.tried


@pytest.mark.parametrize("beside", [image_added, nothing])
def test_what_comes_from_all_nodes_is_no_second_way_to_hear_neighbors(beside):
    *_, exp = explained(Block(beside))
    assert (exp.layer(0).conv, exp.layer(0).exact) == ("mr", True)


@pytest.mark.parametrize(
    ("kinds", "convs"),
    [
        ((Block, Made, Block), ["mr", "max", "mr"]),
        ((Made, Block), ["max", "mr"]),
        ((Block, Rolled), ["mr", "max"]),
        ((Rolled, Block, Rolled), ["max", "mr", "max"]),
    ],
)
def test_no_kind_of_layer_hides_another(kinds, convs):
    *_, exp = explained(*(kind() for kind in kinds))
    assert [layer.conv for layer in exp.layers] == convs
    assert all(layer.exact and layer.placed for layer in exp.layers)


class Cut(nn.Module):
    def __init__(self, embed, pixels):
        super().__init__()
        self.embed, self.pixels = embed, pixels

    def forward(self, image):
        cut = self.pixels
        return self.embed(image[:, :, cut:-cut, cut:-cut] if cut else image)


@pytest.mark.parametrize(("pixels", "placed"), [(8, False), (0, True)])
def test_a_network_that_cuts_its_image_is_not_drawn_on_all_of_it(pixels, placed):
    torch.manual_seed(0)
    model = Blocks(Block(), Block()).eval()
    model.embed = Cut(model.embed, pixels)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        exp = viz_nodes.explain(model, torch.randn(1, 3, 112, 96))
    assert [layer.placed for layer in exp.layers] == [placed] * 2
    cut = [str(each.message) for each in said if each.category is MisplacedNodes]
    assert bool(cut) is not placed
    assert placed or "rows 8 to 104 and columns 8 to 88 of 112 x 96 pixels" in cut[0]


class AddsMean(Block):
    """The mean of the same neighbors, outside of the graph convolution."""

    def forward(self, x):
        near = nearest(rows(x))
        return super().forward(x) + like(take(rows(x), near).mean(2), x)


def test_a_second_hearing_outside_of_the_convolution_is_a_layer():
    model, pixels, exp = explained(AddsMean())
    assert [layer.conv for layer in exp.layers] == ["mr", "sum"]
    (given,) = given_to_blocks(model, pixels)
    for cell in (0, 30, 167):
        assert set().union(*(drawn(layer, cell) for layer in exp.layers)) == heard_by(model.blocks[0], given, cell)


class Reused(Block):
    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def forward(self, x):
        if "edges" not in self.kept:
            near = nearest(rows(x))
            self.kept["edges"] = torch.stack([near, torch.arange(near.shape[1])[:, None].expand_as(near)])
        return x + self.conv(x.flatten(2)[..., None], self.kept["edges"]).view(x.shape)


def test_a_graph_that_is_used_again_in_the_next_block_is_a_layer_of_its_own():
    kept = {}
    *_, exp = explained(Reused(kept), Reused(kept))
    assert [layer.name for layer in exp.layers] == ["blocks.0.conv", "blocks.1.conv"]
    assert torch.equal(exp.layers[0].neighbors, exp.layers[1].neighbors)


class Around(nn.Module):
    """The mean of the 3 x 3 around a node, nothing beyond the edge."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x):
        around = nn.functional.unfold(x, 3, padding=1).view(len(x), WIDTH, 9, *x.shape[2:])
        return x + self.mix(around.mean(2))


def test_no_node_is_named_for_what_lies_beyond_the_edge():
    model, pixels, exp = explained(Around())
    layer = exp.layer(0)
    (given,) = given_to_blocks(model, pixels)
    for cell in (0, 30, 160, 167):
        assert drawn(layer, cell) == heard_by(model.blocks[0], given, cell)


class WithKeys(nn.Module):
    """Nodes hear the nodes of another tensor."""

    def __init__(self, keys):
        super().__init__()
        self.conv, self.keys = Keyed(), keys

    def forward(self, x):
        keys = self.keys(x)
        near = torch.cdist(rows(x), rows(keys)).topk(4, largest=False).indices
        edges = torch.stack([near, torch.arange(near.shape[1])[:, None].expand_as(near)])
        return x + self.conv(x.flatten(2)[..., None], edges, keys.flatten(2)[..., None]).view(x.shape)


class Keyed(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x, edges, y):
        nodes = x.flatten(2)
        best = take(y.flatten(2).mT, edges[0]).amax(2).mT - nodes
        return self.mix(torch.cat([nodes, best], 1)[..., None])


@pytest.mark.parametrize(
    ("keys", "placed", "said"),
    [
        (lambda x: nn.functional.avg_pool2d(x, 2), True, ""),
        (lambda x: x[:, :, ::2, ::2], True, ""),
        (lambda x: x * 2, True, ""),
        (lambda x: x.flip(3), False, "key nodes of blocks.0.conv lie elsewhere"),
        (lambda x: x.roll(6, 2), False, "key nodes of blocks.0.conv lie elsewhere"),
        (lambda x: torch.randn(x.shape, generator=torch.Generator().manual_seed(1)), None, "not made of the nodes"),
    ],
)
def test_key_nodes_are_drawn_where_they_lie_or_not_at_all(keys, placed, said):
    block = WithKeys(keys)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MisplacedNodes)
        *_, exp = explained(block)
    assert exp.layer(0).exact
    assert exp.layer(0).placed is placed
    assert said in exp.layer(0).note
