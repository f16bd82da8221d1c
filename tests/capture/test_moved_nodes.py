"""Networks that roll, sort, cut or flip their nodes before they hear each other: edges are those of the right nodes."""

import pytest
import torch
from torch import nn

import viz_nodes
from tests.builders.reaching import WIDTH, Blocks, drawn, given_to_blocks, heard_by, like, nearest, rows, take
from viz_nodes.capture.whereabouts import MisplacedNodes

WINDOW = (7, 4)


def heard(z):
    return take(z, nearest(z)).amax(2)


def rolled(z, x, listen):
    return like(listen(rows(like(z, x).roll((3, 4), (2, 3)))), x).roll((-3, -4), (2, 3))


def flipped(z, x, listen):
    return like(listen(rows(like(z, x).flip(3))), x).flip(3)


def transposed(z, x, listen):
    turned = like(z, x).mT
    return like(listen(rows(turned)), turned).mT


def sorted_by_length(z, x, listen):
    order = z.norm(dim=2).argsort(1)
    there = order[..., None].expand_as(z)
    return like(listen(z.gather(1, there)).gather(1, order.argsort(1)[..., None].expand_as(z)), x)


def shuffled(z, x, listen):
    order = torch.randperm(z.shape[1], generator=torch.Generator().manual_seed(2))
    return like(listen(z[:, order])[:, order.argsort()], x)


def snake(z, x, listen):
    grid = like(z, x).clone()
    grid[:, :, 1::2] = grid[:, :, 1::2].flip(3)
    back = like(listen(rows(grid)), x).clone()
    back[:, :, 1::2] = back[:, :, 1::2].flip(3)
    return back


def windows(z, x, listen):
    (b, c, h, w), (p, q) = x.shape, WINDOW
    cut = like(z, x).view(b, c, h // p, p, w // q, q).permute(0, 2, 4, 3, 5, 1).reshape(-1, p * q, c)
    return listen(cut).view(b, h // p, w // q, p, q, c).permute(0, 5, 1, 3, 2, 4).reshape(x.shape)


def shifted_windows(z, x, listen):
    back = windows(rows(like(z, x).roll((-2, -2), (2, 3))), x, listen)
    return back.roll((2, 2), (2, 3))


def every_second(z, x, listen):
    (b, c, h, w), (p, q) = x.shape, WINDOW
    cut = like(z, x).view(b, c, p, h // p, q, w // q).permute(0, 3, 5, 2, 4, 1).reshape(-1, p * q, c)
    return listen(cut).view(b, h // p, w // q, p, q, c).permute(0, 5, 3, 1, 4, 2).reshape(x.shape)


def columns_in_batch(z, x, listen):
    b, c, h, w = x.shape
    cut = like(z, x).permute(0, 3, 2, 1).reshape(b * w, h, c)
    return listen(cut).view(b, w, h, c).permute(0, 3, 2, 1)


def next_in_order(z, x, listen):
    return sorted_by_length(z, x, lambda s: torch.stack([s.roll(step, 1) for step in (-1, 0, 1)], 2).amax(2))


def scattered_in_order(z, x, listen):
    def sent(s):
        near, flat = nearest(s), s.flatten(0, 1)
        first = torch.arange(len(s))[:, None, None] * s.shape[1]
        receivers = (torch.arange(s.shape[1])[None, :, None].expand_as(near) + first).flatten()
        return torch.zeros_like(flat).index_add(0, receivers, flat[(near + first).flatten()]).view_as(s)

    return sorted_by_length(z, x, sent)


def steps_in_a_rolled_grid(z, x, listen):
    grid = like(z, x).roll((3, 4), (2, 3))
    best = torch.maximum(torch.maximum(grid, grid.roll(1, 2)), grid.roll(2, 3))
    return best.roll((-3, -4), (2, 3))


MOVES = (
    *(rolled, flipped, transposed, sorted_by_length, shuffled, snake, windows, shifted_windows, every_second),
    *(columns_in_batch, next_in_order, scattered_in_order, steps_in_a_rolled_grid),
)


class Moved(nn.Module):
    def __init__(self, move):
        super().__init__()
        self.before, self.after, self.move = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), move

    def forward(self, x):
        moved = self.move(self.before(rows(x)), x, heard)
        return x + like(self.after(rows(moved)), x)


def network(move):
    torch.manual_seed(0)
    return Blocks(Moved(move), Moved(move)).eval(), torch.randn(2, 3, 56, 48)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_every_edge_drawn_is_one_that_the_network_used_and_none_is_missing(move):
    model, pixels = network(move)
    exp = viz_nodes.explain(model, pixels)
    given = given_to_blocks(model, pixels)
    assert len(exp.layers) == 2
    for layer, block, z in zip(exp.layers, model.blocks, given):
        assert layer.exact
        assert layer.placed
        for cell in (0, 17, 100, 167):
            assert drawn(layer, cell) == heard_by(block, z[:1], cell), f"{layer.name}, cell {cell}"


@pytest.mark.parametrize("move", [rolled, sorted_by_length, windows], ids=lambda move: move.__name__)
def test_an_edge_of_share_0_of_moved_nodes_can_be_cut(move):
    model, pixels = network(move)
    check = viz_nodes.check(model, pixels)
    assert check.cut > 0
    assert check.in_full


@pytest.mark.parametrize("where", ["roll", "flip"])
def test_what_is_not_put_back_is_refuted_and_not_drawn(where):
    def not_back(z, x, listen):
        grid = like(z, x)
        return like(listen(rows(grid.roll((5, 4), (2, 3)) if where == "roll" else grid.flip(2))), x)

    model, pixels = network(not_back)
    with pytest.warns(MisplacedNodes, match="comes to lie elsewhere"):
        exp = viz_nodes.explain(model, pixels)
    assert [layer.placed for layer in exp.layers] == [False, False]


class Tokens(nn.Module):
    """Learned nodes beside those of the grid, before or behind them."""

    def __init__(self, first):
        super().__init__()
        self.tokens, self.first = nn.Parameter(torch.randn(1, 2, WIDTH)), first
        self.before, self.after = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        z, tokens = self.before(rows(x)), self.tokens.expand(len(x), -1, -1)
        h = self.after(heard(torch.cat([tokens, z] if self.first else [z, tokens], 1)))
        return x + like(h[:, 2:] if self.first else h[:, :-2], x)


@pytest.mark.parametrize("first", [True, False])
def test_tokens_beside_the_grid_are_left_out_wherever_they_stand(first):
    torch.manual_seed(0)
    model, pixels = Blocks(Tokens(first), Tokens(first)).eval(), torch.randn(1, 3, 56, 48)
    layer = viz_nodes.explain(model, pixels).layer(0)
    assert (layer.grid, layer.placed) == ((14, 12), True)
    assert "2 nodes that the image does not reach" in layer.note
    (given, _) = given_to_blocks(model, pixels)
    for cell in (0, 17, 167):
        assert drawn(layer, cell) == heard_by(model.blocks[0], given, cell)


class Rounds(nn.Module):
    """Several rounds along the same edges, in one module."""

    def __init__(self, way):
        super().__init__()
        self.way = way

    def forward(self, x):
        z = rows(x)
        near = nearest(z)
        if self.way == "gathered":
            return x + like(take(take(z, near).amax(2), near).mean(2), x)
        adjacency = torch.zeros(len(z), z.shape[1], z.shape[1]).scatter(2, near, 0.25)
        if self.way == "squared":
            return x + like((adjacency @ adjacency) @ z, x)
        heard = z
        for _ in range(2):
            heard = 0.9 * (adjacency @ heard) + 0.1 * z
        return x + like(heard, x)


@pytest.mark.parametrize("way", ["gathered", "multiplied"])
def test_every_round_along_the_same_edges_is_a_layer(way):
    torch.manual_seed(0)
    model, pixels = Blocks(Rounds(way)).eval(), torch.randn(1, 3, 56, 48)
    layers = viz_nodes.explain(model, pixels).layers
    (given,) = given_to_blocks(model, pixels)
    assert len(layers) == 2
    assert all(layer.placed is not False for layer in layers)
    near = nearest(rows(given))[0]
    for cell in (0, 30, 167):
        assert set(layers[0].neighbors[0, cell].tolist()) == set(near[cell].tolist())
        assert set(layers[1].neighbors[0, cell].tolist()) == set(near[cell].tolist())


def test_edges_of_edges_are_no_layer_of_their_own():
    torch.manual_seed(0)
    model, pixels = Blocks(Rounds("squared")).eval(), torch.randn(1, 3, 56, 48)
    (layer,) = viz_nodes.explain(model, pixels).layers
    (given,) = given_to_blocks(model, pixels)
    for cell in (0, 30, 167):
        assert drawn(layer, cell) == heard_by(model.blocks[0], given, cell)


class Swapped(nn.Module):
    """Max-relative on an edge tensor that holds centers first."""

    def __init__(self):
        super().__init__()
        self.conv = Relative()

    def forward(self, x):
        near = nearest(rows(x))
        centers = torch.arange(near.shape[1])[:, None].expand_as(near)
        return x + self.conv(x.flatten(2)[..., None], torch.stack([centers, near])).view(x.shape)


class Relative(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x, edges):
        nodes = x.flatten(2)
        best = take(nodes.mT, edges[1]).amax(2).mT - nodes
        return self.mix(torch.cat([nodes, best], 1)[..., None])


def test_an_edge_tensor_with_centers_first_is_read_the_right_way_round():
    torch.manual_seed(0)
    model, pixels = Blocks(Swapped()).eval(), torch.randn(1, 3, 56, 48)
    (layer,) = viz_nodes.explain(model, pixels).layers
    (given,) = given_to_blocks(model, pixels)
    assert (layer.conv, layer.exact) == ("mr", True)
    for cell in (0, 30, 167):
        assert drawn(layer, cell) == heard_by(model.blocks[0], given, cell)
