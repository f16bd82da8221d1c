"""What a network is, is found once: later forwards hook little, search nothing, and notice when it has changed."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import hooks_on
from viz_nodes.capture import batchnorm, plans
from viz_nodes.capture.kept import Kept


@pytest.fixture
def hooked(monkeypatch):
    """The modules that were hooked since it was last emptied."""
    modules = []
    own = nn.Module.register_forward_hook

    def noted(self, hook, *args, **kwargs):
        if hook.__module__ != batchnorm.__name__:  # what makes their arithmetic exact sees nothing
            modules.append(self)
        args = (hook, *args)
        return own(self, *args, **kwargs)

    monkeypatch.setattr(nn.Module, "register_forward_hook", noted)
    return modules


@pytest.fixture
def gathers(monkeypatch):
    """How many times neighbors were gathered to recognize an aggregation."""
    from viz_nodes.capture import aggregation

    calls = []
    own = aggregation.gather
    monkeypatch.setattr(aggregation, "gather", lambda *args: calls.append(1) or own(*args))
    return calls


def forwards_of(net, run):
    count = []
    handle = net.stem.register_forward_hook(lambda *_: count.append(1))
    run()
    handle.remove()
    return len(count)


def same(one, other):
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one.layers, other.layers, strict=True)
        for name in ("cam", "neighbors", "share", "contribution", "distance", "margin")
    ) and torch.equal(one.logits, other.logits)


@pytest.mark.parametrize("kind", ["mr", "concat", "edge", "sage", "gin"])
@pytest.mark.parametrize("options", [{}, {"reduction": 2, "k": 3, "positions": True}, {"dilation": 2}])
def test_later_calls_see_the_same_with_fewer_hooks_and_no_search(kind, options, make_net, make_pixels, hooked, gathers):
    net, pixels = make_net(kind, **options), make_pixels()
    first = viz_nodes.explain(net, pixels, places=False)
    assert len(hooked) == len(list(net.modules()))
    searched = len(gathers)
    hooked.clear()
    gathers.clear()
    later = viz_nodes.explain(net, pixels, places=False)
    assert same(first, later)
    children = 2 if kind == "sage" else 1
    assert len(hooked) == 3 * (3 + children)  # a layer's convolution, its children, its kNN, what is explained
    assert len(gathers) == (3 if kind == "gin" else 0) <= searched - (kind != "gin")  # nobody wins a sum
    assert hooks_on(net) == 0


def test_it_is_one_forward_each_time_also_for_another_number_of_images(make_net, make_pixels, hooked):
    net = make_net()
    for images, forwards in ((2, 2), (2, 1), (1, 1), (3, 1)):  # the first time one more, to prove where nodes lie
        hooked.clear()
        assert forwards_of(net, lambda images=images: viz_nodes.explain(net, make_pixels(images))) == forwards
    assert len(hooked) < len(list(net.modules()))


def test_edit_edges_needs_no_forward_of_its_own_once_a_network_is_known(make_net, make_pixels):
    pixels = make_pixels()

    def edited(net):
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: lambda neighbors: neighbors == 3}) as gone:
            net(pixels)
        assert gone[0] > 0

    net, explained = make_net(), make_net()
    assert forwards_of(net, lambda: edited(net)) == 3  # one finds the layers, one where their nodes lie
    assert forwards_of(net, lambda: edited(net)) == 1
    viz_nodes.explain(explained, pixels)
    assert forwards_of(explained, lambda: edited(explained)) == 1


def test_exchanged_modules_are_noticed(make_net, make_pixels):
    net, pixels = make_net("mr"), make_pixels()
    assert viz_nodes.explain(net, pixels).layers[1].conv == "mr"
    net.backbone[1] = make_net("edge").backbone[1]
    exp = viz_nodes.explain(net, pixels)
    assert [layer.conv for layer in exp.layers] == ["mr", "edge", "mr"]
    assert all(layer.exact for layer in exp.layers)


def test_a_network_that_does_something_else_is_looked_at_again(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    assert viz_nodes.explain(net, pixels).depth == 3
    block = net.backbone[1][0]
    block.forward = lambda x: x  # the layer is skipped: the same modules, another way through them
    exp = viz_nodes.explain(net, pixels)
    assert exp.depth == 2
    assert [layer.name.split(".")[1] for layer in exp.layers] == ["0", "2"]
    del block.forward
    assert viz_nodes.explain(net, pixels).depth == 3


def test_an_aggregation_that_changes_under_the_same_modules_is_recognized_again(make_net, make_pixels):
    net, pixels = make_net("mr"), make_pixels()
    viz_nodes.explain(net, pixels)
    for block in net.backbone:
        block[0].graph_conv.static.gconv.kind = "concat"  # the same modules, the message somewhere else
    exp, fresh = viz_nodes.explain(net, pixels), viz_nodes.explain(make_net("concat"), pixels)
    assert all(layer.exact for layer in exp.layers)
    assert [layer.conv for layer in exp.layers] == [layer.conv for layer in fresh.layers]


def test_winners_that_the_network_kept_are_not_believed_blindly(make_net, make_pixels):
    """A maximum over other edges than those handed around: kept winners exist, and send something else."""
    net, pixels = make_net("mr"), make_pixels()
    assert all(layer.exact for layer in viz_nodes.explain(net, pixels).layers)
    conv = net.backbone[0][0].graph_conv.static.gconv
    own = conv.forward
    conv.forward = lambda x, edge_index, y=None: own(x, edge_index.roll(1, dims=2) * 0 + edge_index.flip(2), y)
    exp = viz_nodes.explain(net, pixels)
    assert not exp.layers[0].exact
    assert exp.layers[1].exact


def test_every_so_often_everything_is_proven_again(make_net, make_pixels, hooked, monkeypatch):
    monkeypatch.setattr(plans, "AGAIN", 3)
    net, pixels = make_net(), make_pixels()
    counts = []
    for _ in range(7):
        hooked.clear()
        viz_nodes.explain(net, pixels, places=False)
        counts.append(len(hooked))
    everywhere = len(list(net.modules()))
    assert [count == everywhere for count in counts] == [True, False, False, True, False, False, True]


def test_what_is_known_goes_with_the_network(make_net, make_pixels):
    net = make_net()
    viz_nodes.explain(net, make_pixels())
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_distances_are_computed_when_they_are_asked_for(make_net, make_pixels, monkeypatch):
    import copy
    import pickle

    from viz_nodes import layers

    asked = []
    own = layers.ranking
    monkeypatch.setattr(layers, "ranking", lambda candidates: asked.append(1) or own(candidates))
    net, pixels = make_net(dilation=2), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    assert asked == []
    with torch.no_grad():  # whatever happens to the network meanwhile
        for parameter in net.parameters():
            parameter.zero_()
    layer = exp.layers[0]
    assert layer.dilation == 2
    assert layer.distance.shape == layer.neighbors.shape
    assert layer.ranked
    assert asked == [1]
    assert bool((layer.distance.diff(dim=-1) >= 0).all())
    for other in (copy.deepcopy(exp), pickle.loads(pickle.dumps(exp))):
        assert torch.equal(other.layers[2].distance, exp.layers[2].distance)
        assert other.layers[2].dilation == 2


def test_what_is_known_of_a_network_is_known_in_the_next_call():
    from viz_nodes.capture.adapters.registry import adapters_for
    from viz_nodes.capture.plans import key_of

    pixels = torch.zeros(1, 3, 8, 8)
    assert key_of(pixels, adapters_for(None)) == key_of(pixels, adapters_for(None))


@pytest.fixture
def copies(monkeypatch):
    """How many tensors were copied, instead of handing on what is kept."""
    made = []
    own = Kept.handed

    def noted(self, run, tensor, **options):
        passed = own(self, run, tensor, **options)
        made.extend([run] if passed is not tensor else [])
        return passed

    monkeypatch.setattr(Kept, "handed", noted)
    return made


def again(first, net, pixels):
    assert same(first, viz_nodes.explain(net, pixels, places=False))


@pytest.mark.parametrize("kind", ["mr", "edge", "gin"])
def test_a_network_that_overwrites_nothing_goes_on_with_its_own_tensors(kind, make_net, make_pixels, copies):
    net, pixels = make_net(kind), make_pixels()
    first = viz_nodes.explain(net, pixels, places=False)
    assert copies  # not known yet
    copies.clear()
    assert forwards_of(net, lambda: again(first, net, pixels)) == 1
    assert not copies


def test_what_a_network_overwrites_is_copied_and_no_more(make_net, make_pixels, copies):
    net, pixels = make_net(), make_pixels()
    for block in net.backbone:
        block[0].fc2.insert(1, nn.ReLU(inplace=True))  # after the convolution that is explained
    first = viz_nodes.explain(net, pixels, places=False)
    copies.clear()
    assert forwards_of(net, lambda: again(first, net, pixels)) == 1
    assert {module for module, *_ in copies} == {block[0].fc2[0] for block in net.backbone}


def test_a_network_that_begins_to_overwrite_is_noticed(make_net, make_pixels, copies):
    net, pixels = make_net(), make_pixels()
    for _ in range(2):
        first = viz_nodes.explain(net, pixels, places=False)
    mixing = net.backbone[1][0].graph_conv.static.gconv.nn
    own = mixing.forward

    def overwriting(x):
        out = own(x.clone())
        x.mul_(2)  # what holds the messages
        return out

    mixing.forward = overwriting
    runs = [forwards_of(net, lambda: again(first, net, pixels)) for _ in range(2)]
    assert runs == [2, 1]


def test_what_is_explained_and_given_out_is_copied_for_its_owner_may_change_it(make_net, make_pixels):
    class Dense(nn.Module):
        """Its answer is the map that is explained."""

        def __init__(self, net):
            super().__init__()
            self.stem, self.backbone = net.stem, net.backbone

        def forward(self, pixels):
            x = self.backbone[0][0](self.stem(pixels))
            return self.backbone[0][1].conv(x)

    def doubled(raw):
        return raw.mul_(2).mean((1, 2, 3))

    net, pixels = Dense(make_net()), make_pixels()
    cams = [viz_nodes.explain(net, pixels, target=doubled, places=False).layers[0].cam for _ in range(3)]
    assert torch.equal(cams[0], cams[1])
    assert torch.equal(cams[0], cams[2])
    assert bool((cams[0] > 0).any())
