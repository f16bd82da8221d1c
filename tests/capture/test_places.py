"""Nodes lie on the image where they are drawn, or it is said that they do not; what can be put right is put right."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import viz_nodes
import vizgraph
from builders.networks import hooks_on
from viz_nodes.capture.node_order import NodeOrder, read_order
from viz_nodes.capture.placing import BANDS, FEW, HALF, judge, lines_in_bands
from viz_nodes.capture.whereabouts import MisplacedNodes

SIDE, K, CHANNELS = 14, 5, 8
NODES = SIDE * SIDE


def nearest(features, k=K):
    """(2, B, N, k) for features (B, C, N)."""
    rows = F.normalize(features, dim=1).transpose(1, 2)
    near = torch.cdist(rows, rows).topk(k, largest=False).indices
    return torch.stack([near, torch.arange(features.shape[2])[:, None].expand_as(near)])


class Relative(nn.Module):
    def __init__(self):
        super().__init__()
        self.nn = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x, edge_index):
        flat = x.flatten(2)
        heard = torch.stack([row[:, near] for row, near in zip(flat, edge_index[0])])
        return self.nn(torch.cat([flat, (heard - flat[..., None]).amax(-1)], 1)[..., None])


class Block(nn.Module):
    """A graph layer on the grid, with a residual; subclasses move nodes on the way in and back on the way out."""

    def __init__(self):
        super().__init__()
        self.fc, self.gconv = nn.Conv2d(CHANNELS, CHANNELS, 1), Relative()

    def inside(self, nodes):
        return nodes, lambda out: out

    def forward(self, x):
        nodes, back = self.inside(self.fc(x).flatten(2))
        out = back(self.gconv(nodes[..., None], nearest(nodes))[..., 0])
        return x + out.view(x.shape)


class Prompted(Block):
    """Learned nodes are put before (or after) those of the image, and cut off afterwards."""

    def __init__(self, count=SIDE, first=False):
        super().__init__()
        self.prompts, self.first = nn.Parameter(torch.randn(CHANNELS, count)), first

    def inside(self, nodes):
        prompts = self.prompts[None].expand(len(nodes), -1, -1)
        count = self.prompts.shape[1]
        parts = [prompts, nodes] if self.first else [nodes, prompts]
        return torch.cat(parts, 2), lambda out: out[..., count:] if self.first else out[..., :-count]


class PromptedOnGrid(Prompted):
    """One more row of a grid, in a module that takes that grid."""

    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.gconv = Relative()

        def forward(self, grid):
            flat = grid.flatten(2)
            return self.gconv(flat[..., None], nearest(flat)).view(grid.shape)

    def __init__(self):
        super().__init__()
        self.inner = self.Inner()
        del self.gconv

    def forward(self, x):
        row = self.prompts[None, :, None].expand(len(x), -1, -1, -1)
        return x + self.inner(torch.cat([self.fc(x), row], 2))[:, :, :SIDE]


class Sorted(Block):
    """By the value of a channel, another order for each image, and put back."""

    def inside(self, nodes):
        order = nodes[:, 0].argsort(1)[:, None].expand_as(nodes)
        return nodes.gather(2, order), lambda out: torch.empty_like(out).scatter(2, order, out)


class Turned(Block):
    """Columns first."""

    def inside(self, nodes):
        def turn(flat):
            return flat.view(*flat.shape[:2], SIDE, SIDE).transpose(2, 3).flatten(2)

        return turn(nodes), turn


class Rolled(Block):
    """As shifted windows are, but not in windows."""

    def inside(self, nodes):
        def roll(flat, by):
            return flat.view(*flat.shape[:2], SIDE, SIDE).roll((by, by), (2, 3)).flatten(2)

        return roll(nodes, -3), lambda out: roll(out, 3)


class Doubled(Block):
    """Two nodes of the image are mixed into each: whose place is that?"""

    def inside(self, nodes):
        return nodes + nodes.flip(2), lambda out: out


class Net(nn.Module):
    def __init__(self, *blocks, scrambled=False):
        super().__init__()
        self.stem, self.blocks, self.head = nn.Conv2d(3, CHANNELS, 4, 4), nn.Sequential(*blocks), nn.Linear(CHANNELS, 3)
        self.scrambled = torch.randperm(NODES) if scrambled else None

    def forward(self, x):
        z = self.stem(x)
        if self.scrambled is not None:
            z = z.flatten(2)[..., self.scrambled].view(z.shape)
        return self.head(self.blocks(z).mean((2, 3)))


def built(*kinds, **options):
    torch.manual_seed(0)
    return Net(*(kind() for kind in kinds), **options).double().eval()


def pixels(images=2):
    return torch.randn(images, 3, 4 * SIDE, 4 * SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def true_neighbors(net, images, block=0):
    """What the block's nodes ask, as cells."""
    with torch.no_grad():
        return nearest(net.blocks[block].fc(net.stem(images)).flatten(2))[0]


def test_bands():
    assert lines_in_bands(14).int().tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert lines_in_bands(7, HALF).int().tolist() == [0, 0, 0, 1, 1, 1, 1]


# -- the judgement, on numbers ---------------------------------------------------------------------------------------


def bands_for(grid):
    return HALF if min(grid) < FEW else BANDS


def changes_on(grid, moved=None):
    """(4, N) as nodes of a grid answer that are where they should be, but for `moved` (H, W, ...) -> (H, W, ...)."""
    bands = [lines_in_bands(size, bands_for(grid)) for size in grid]
    maps = torch.stack(
        [
            torch.zeros(grid),
            torch.ones(grid),
            bands[0][:, None].expand(grid).float(),
            bands[1][None].expand(grid).float(),
        ],
        dim=-1,
    )
    maps = maps if moved is None else moved(maps)
    return maps.flatten(0, 1).T.double()


@pytest.mark.parametrize("grid", [(14, 14), (56, 56), (7, 7), (10, 20)])
def test_a_displacement_contradicts_and_its_absence_does_not(grid):
    bands = bands_for(grid)
    assert judge(changes_on(grid), grid, bands).right is True
    for moved in (
        lambda maps: maps.flip(0),
        lambda maps: maps.flip(1),
        lambda maps: maps.roll(grid[0] // 2, 0),
        lambda maps: maps.roll(max(2, grid[1] // 4), 1),
        lambda maps: maps.flatten(0, 1)[torch.randperm(grid[0] * grid[1])].view(maps.shape),
    ):
        assert judge(changes_on(grid, moved), grid, bands).right is False
    if grid[0] == grid[1]:
        assert judge(changes_on(grid, lambda maps: maps.transpose(0, 1)), grid, bands).right is False


def test_a_shift_by_one_node_is_not_proven():
    assert judge(changes_on((14, 14), lambda maps: maps.roll(1, 0)), (14, 14)).right is not True


def test_where_nothing_changes_nothing_is_said():
    assert judge(torch.zeros(4, 196, dtype=torch.float64), (14, 14)).right is None
    broken = changes_on((14, 14))
    broken[1, 3] = float("nan")
    assert judge(broken, (14, 14)).right is None


def test_nodes_that_never_change_are_named():
    changes = changes_on((14, 14))
    changes[:, [3, 190]] = 0
    answer = judge(changes, (14, 14))
    assert answer.silent == (3, 190)
    assert answer.right is False
    assert answer.wrong == 0


# -- networks --------------------------------------------------------------------------------------------------------


def test_a_network_that_moves_nothing_is_proven_in_every_layer(make_net, make_pixels):
    net = built(Block, Block, Block)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exp = viz_nodes.explain(net, pixels())
    assert [layer.placed for layer in exp.layers] == [True] * 3
    assert [layer.note for layer in exp.layers] == [""] * 3
    assert hooks_on(net) == 0
    assert [proof.placed for proof in viz_nodes.verify(net, pixels())] == [True] * 3
    assert [layer.placed for layer in viz_nodes.explain(built(Block), pixels(), places=False).layers] == [None]


@pytest.mark.parametrize("kind", ["mr", "concat", "edge", "sage", "gin", "softmax"])
@pytest.mark.parametrize("options", [{}, {"reduction": 2, "k": 3, "positions": True}])
def test_it_holds_for_every_aggregation(kind, options, make_net):
    net = make_net(kind, grid=(14, 10), **options)
    images = torch.randn(2, 3, 56, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert [layer.placed for layer in viz_nodes.explain(net, images).layers] == [True] * 3


@pytest.mark.parametrize("arch", ["graphconvnet_ti", "graphconvnetp_ti", "pvig_ti"])
def test_it_holds_for_real_networks_in_every_layer(arch):
    import timm

    import vizgraph  # noqa: F401

    torch.manual_seed(0)
    proofs = viz_nodes.verify(timm.create_model(arch).eval(), torch.randn(1, 3, 224, 224))
    assert [proof.placed for proof in proofs] == [True] * 12


@pytest.mark.parametrize("arch", ["gcn_demo", "vig_demo"])
def test_it_holds_for_trained_networks(arch):
    import vizgraph

    net = vizgraph.load_model(arch, device="cpu")
    height, width = net.pretrained_cfg["input_size"][1:]
    image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    assert all(proof.placed for proof in viz_nodes.verify(net, image))


def test_a_panorama_made_square_does_not_refute_places():
    """Its strong edges were taken for nodes that had moved: the bundled network was drawn without the photograph."""
    sample = Path(vizgraph.__file__).parent / "assets" / "samples" / "palace_9.png"
    strip = Image.open(sample).convert("RGB").crop((0, 100, 224, 128)).resize((640, 80))
    network = vizgraph.load_model("gcn_demo", "demo")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exp = viz_nodes.explain(network, vizgraph.load_image(np.asarray(strip), network).pixels)
    assert [layer.placed for layer in exp.layers] == [True] * 6


def test_many_added_nodes_that_fit_no_grid_need_an_adapter():
    """They end in the error that names the cure: nothing says where a list of them lies."""
    with pytest.raises(viz_nodes.capture.NoGraphLayer, match="adapter"):
        viz_nodes.explain(built(lambda: Prompted(SIDE)), pixels())


class OnGrid(viz_nodes.capture.EdgeTensor):
    def grid(self, name, nodes):
        return {NODES + SIDE: (SIDE + 1, SIDE), NODES + 4: (SIDE - 4, 20), NODES: (SIDE, SIDE)}[nodes]


@pytest.mark.parametrize(
    ("build", "count", "adapter"),
    [
        (PromptedOnGrid, SIDE, None),
        (lambda: Prompted(SIDE), SIDE, OnGrid()),
        (lambda: Prompted(4), 4, OnGrid()),
        (lambda: Prompted(4), 4, None),
        (lambda: Prompted(4, first=True), 4, None),
        (lambda: Prompted(SIDE, first=True), SIDE, OnGrid()),
    ],
)
def test_added_nodes_are_left_out_and_told(build, count, adapter):
    net, images = built(Block, build), pixels()
    exp = viz_nodes.explain(net, images, adapter=adapter)
    assert [layer.placed for layer in exp.layers] == [True, True]
    first, layer = exp.layers
    assert first.note == ""
    assert layer.grid == layer.key_grid == (SIDE, SIDE)
    assert f"{count} nodes that the image does not reach" in layer.note
    with torch.no_grad():
        inside = net.blocks[1]
        nodes = inside.fc(net.blocks[0](net.stem(images))).flatten(2)
        prompts = inside.prompts[None].expand(2, -1, -1)
        before = inside.first
        near = nearest(torch.cat([prompts, nodes] if before else [nodes, prompts], 2))[0]
    near = near[:, count:] - count if before else near[:, :NODES]
    near = torch.where((near < 0) | (near >= NODES), -1, near)
    assert torch.equal(layer.neighbors, near)
    assert int((near < 0).sum()) > 0
    assert float(layer.share[near < 0].abs().max()) == 0
    assert "of what the others hear comes from them" in layer.note
    with torch.no_grad():
        plain = net(images)
        for edits in (
            {"cut": {index: one.share == 0 for index, one in enumerate(exp.layers)}},
            {"cut": {1: layer.share == 0}, "frozen": exp},
            {"keep": {1: layer.share > 0}},
        ):
            with viz_nodes.edit_edges(net, adapter=adapter, **edits) as gone:
                assert torch.equal(net(images), plain)
            assert gone[1] > 0
        with viz_nodes.edit_edges(net, cut={1: layer.share > 0.3}, adapter=adapter) as gone:
            assert not torch.allclose(net(images), plain)
        assert gone[1] == int((layer.share > 0.3).sum())
    turned = layer.neighbors.flip(1)  # cells are named, whatever other nodes there are
    with viz_nodes.edit_edges(net, replace={1: turned}, adapter=adapter):
        assert torch.equal(viz_nodes.explain(net, images, adapter=adapter).layers[1].neighbors, turned)


@pytest.mark.parametrize("kind", [Sorted, Turned, Rolled])
def test_nodes_in_another_order_are_put_back(kind):
    net, plain, images = built(kind, Block), built(Block, Block), pixels(3)
    plain.load_state_dict(net.state_dict())
    for _ in range(2):
        exp, wanted = viz_nodes.explain(net, images), viz_nodes.explain(plain, images)
        for layer, right in zip(exp.layers, wanted.layers):
            assert layer.placed is True
            torch.testing.assert_close(layer.neighbors, right.neighbors)
            for name in ("share", "contribution", "cam", "distance", "margin"):
                torch.testing.assert_close(getattr(layer, name), getattr(right, name), rtol=1e-9, atol=1e-12)
    assert torch.equal(exp.layers[0].neighbors, true_neighbors(net, images))
    assert "put back in the order of the grid" in exp.layers[0].note
    assert exp.layers[1].note == ""
    assert viz_nodes.verify(net, images)[0].placed is True
    cut = {0: exp.layers[0].share > 0.3, 1: exp.layers[1].share > 0.3}
    for recorded in (False, True):  # edges of sorted nodes are named by the cells they are shown in, too
        with torch.set_grad_enabled(recorded):
            with viz_nodes.edit_edges(net, cut=cut) as gone:
                edited = net(images)
            assert torch.is_grad_enabled() is recorded
            with viz_nodes.edit_edges(plain, cut=cut) as likewise:
                torch.testing.assert_close(edited, plain(images), rtol=1e-9, atol=1e-12)
            assert gone == likewise
            assert not torch.allclose(edited, net(images))
    unseen = built(kind, Block)  # nobody has explained it, or asked where its nodes lie
    unseen.load_state_dict(net.state_dict())
    with torch.no_grad(), viz_nodes.edit_edges(unseen, cut=cut), viz_nodes.edit_edges(plain, cut=cut):
        torch.testing.assert_close(unseen(images), plain(images), rtol=1e-9, atol=1e-12)
    edited = viz_nodes.edit_edges(net, cut={0: [(0, 0)]})
    with torch.inference_mode(), edited, pytest.raises(ValueError, match="their order could not be read"):
        net(images)
    one = viz_nodes.explain(net, images, target="top2").layers[0]
    assert torch.equal(one.neighbors[::2], exp.layers[0].neighbors)


def test_sorted_nodes_in_a_list_are_put_back_too():
    """As ClusterViG has them: sorted, aggregated by a layer of PyTorch Geometric, put back."""
    pyg = pytest.importorskip("torch_geometric.nn")

    class SortedList(nn.Module):
        sort = True

        def __init__(self):
            super().__init__()
            self.conv = pyg.EdgeConv(nn.Linear(2 * CHANNELS, CHANNELS))

        def forward(self, x):
            nodes = x.flatten(2)
            keys = nodes[:, 0] if self.sort else torch.arange(NODES).expand(len(x), -1)
            order = keys.argsort(1)[:, None].expand_as(nodes)
            inside = nodes.gather(2, order)
            first = torch.arange(len(x))[:, None, None] * NODES
            edges = (nearest(inside) + first).flatten(1)
            out = self.conv(inside.transpose(1, 2).reshape(-1, CHANNELS), edges)
            out = out.view(len(x), NODES, CHANNELS).transpose(1, 2)
            return x + torch.empty_like(out).scatter(2, order, out).view(x.shape)

    net, images = built(SortedList, SortedList), pixels()
    exp = viz_nodes.explain(net, images)
    assert [layer.placed for layer in exp.layers] == [True] * 2
    with torch.no_grad():
        assert torch.equal(exp.layers[0].neighbors, nearest(net.stem(images).flatten(2))[0])
    assert [proof.placed for proof in viz_nodes.verify(net, images)] == [True] * 2
    cut = {index: layer.share > 0.3 for index, layer in enumerate(exp.layers)}
    plain = built(SortedList, SortedList)
    plain.load_state_dict(net.state_dict())
    for block in plain.blocks:
        block.sort = False
    with torch.no_grad(), viz_nodes.edit_edges(net, cut=cut) as gone:
        edited = net(images)
    with torch.no_grad(), viz_nodes.edit_edges(plain, cut=cut) as likewise:
        torch.testing.assert_close(edited, plain(images), rtol=1e-9, atol=1e-12)
    assert gone == likewise
    assert not torch.allclose(edited, net(images))


def test_an_order_is_still_put_back_when_everything_is_looked_at_again(monkeypatch):
    from viz_nodes.capture import plans

    monkeypatch.setattr(plans, "AGAIN", 2)
    net, images = built(Sorted), pixels()
    for _ in range(4):
        assert torch.equal(viz_nodes.explain(net, images).layers[0].neighbors, true_neighbors(net, images))


@pytest.mark.parametrize(("net", "layers"), [((Block, Block), [False, False]), ((Doubled, Block), [False, True])])
def test_what_cannot_be_put_right_is_refuted_with_a_warning(net, layers):
    net = built(*net, scrambled=net[0] is Block)
    with pytest.warns(MisplacedNodes, match="adapter"):
        exp = viz_nodes.explain(net, pixels())
    assert [layer.placed for layer in exp.layers] == layers
    assert "do not lie where they would be drawn" in exp.layers[0].note
    assert [proof.placed for proof in viz_nodes.verify(net, pixels())] == layers


def test_an_order_is_read_off_gradients():
    generator = torch.Generator().manual_seed(0)
    around = torch.randn(2, 3, 4, 5, generator=generator, requires_grad=True)
    order = torch.stack([torch.randperm(20, generator=generator) for _ in range(2)])
    x = around.flatten(2).gather(2, order[:, None].expand(2, 3, 20)) * 2
    assert torch.equal(read_order(x, around), order.argsort(1))
    mixed = x + x.roll(1, 2)
    assert read_order(mixed, around) is None
    assert read_order(x[..., :19], around) is None  # a cell is lost
    assert read_order(x.detach(), around) is None


def test_an_order_says_which_edges_are_shown():
    order = NodeOrder.without((0, 3), 5)
    neighbors = torch.tensor([[[0, 1], [1, 2], [4, 3], [3, 4], [2, -1]]])
    assert order.neighbors_on_grid(neighbors).tolist() == [[[0, 1], [2, -1], [1, -1]]]
    shown = torch.tensor([[[True, False], [False, True], [True, True]]])
    assert order.to_nodes(shown).int().tolist() == [[[0, 0], [1, 0], [0, 1], [0, 0], [1, 1]]]


# -- what is behind no gradient, and what nobody ranked ---------------------------------------------------------------


class Detached(Net):
    """One block works on features that are cut off from the pixels, one on those of a frozen stem."""

    def forward(self, x):
        z = self.stem(x)
        return self.head(self.blocks[1](z).mean((2, 3)) + self.blocks[0](z.detach()).mean((2, 3)))


class Frozen(Net):
    def forward(self, x):
        with torch.no_grad():
            z = self.stem(x)
        return self.head(self.blocks(z).mean((2, 3)))


@pytest.mark.parametrize("kind", [Detached, Frozen])
def test_layers_that_the_pixels_do_not_reach_by_gradient_are_explained_and_placed(kind):
    torch.manual_seed(0)
    net, images = kind(Block(), Block()).double().eval(), pixels()
    exp = viz_nodes.explain(net, images, target=1)
    assert len(exp.layers) == 2
    for layer in exp.layers:
        assert layer.placed is True
        assert layer.exact
        assert float(layer.contribution.abs().max()) > 0
    # gradient x message by hand: the score follows the messages of the detached block as those of the other
    block = exp.layer(next(layer.index for layer in exp.layers if layer.name == "blocks.0.gconv"))
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)

    def scaled(module, args):
        return (torch.cat([args[0][:, :CHANNELS], args[0][:, CHANNELS:] * scale], 1),)

    handle = net.blocks[0].gconv.nn.register_forward_pre_hook(scaled)
    (wanted,) = torch.autograd.grad(net(images)[:, 1].sum(), scale)
    handle.remove()
    assert block.contribution.sum().item() == pytest.approx(wanted.item(), rel=1e-9)


class Unranked(Block):
    """All that are near enough, in the order of their numbers."""

    def forward(self, x):
        nodes = self.fc(x).flatten(2)
        ordered = nearest(nodes)
        ordered[0] = ordered[0].sort(-1).values
        return x + self.gconv(nodes[..., None], ordered).view(x.shape)


def test_what_nobody_ranked_is_not_called_nearest_first():
    exp = viz_nodes.explain(built(Unranked), pixels())
    layer = exp.layers[0]
    assert layer.exact
    assert not layer.ranked
    assert (layer.dilation, layer.distance, layer.margin, layer.skipped) == (None,) * 4
