"""What goes into a network: one image or several, views in one batch, an image beside a vector, points."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import SmallGNN, hooks_on, seeded, seeded_net, seeded_pixels
from viz_nodes.capture.inputs import prepare


class Two(nn.Module):
    """One body for two images, which run one after the other, or below one another in one batch."""

    def __init__(self, together):
        super().__init__()
        self.net, self.together = seeded_net(depth=2), together

    def forward(self, a, b):
        if self.together:
            one, two = self.net(torch.cat([a, b])).chunk(2)
        else:
            one, two = self.net(a), self.net(b)
        return one - 2 * two


@pytest.mark.parametrize("together", [False, True])
def test_two_images_and_each_layer_says_which_it_belongs_to(together):
    net = Two(together).eval()
    a, b = seeded_pixels(seed=1), seeded_pixels(seed=2)
    for _ in range(2):
        exp = viz_nodes.explain(net, (a, b), target=3)
        assert torch.equal(exp.logits, net(a, b).detach())
        assert (exp.depth, [layer.index for layer in exp.layers]) == (4, [0, 1, 2, 3])
        assert [layer.image for layer in exp.layers] == ([0, 1, 0, 1] if together else [0, 0, 1, 1])
    for image, (pixels, sign) in enumerate(((a, 1), (b, -2))):
        alone = viz_nodes.explain(net.net, pixels, target=lambda out, sign=sign: sign * out[:, 3])
        own = [layer for layer in exp.layers if layer.image == image]
        for layer, single in zip(own, alone.layers):
            assert torch.equal(layer.neighbors, single.neighbors)
            assert torch.equal(layer.peak, single.peak)
            for name in ("cam", "share", "contribution", "distance"):
                torch.testing.assert_close(getattr(layer, name), getattr(single, name), rtol=1e-9, atol=1e-12)
    last = viz_nodes.explain(net, {"a": a, "b": b}, layers=[-1], target=3)
    assert torch.equal(last.layers[0].cam, exp.layer(-1).cam)
    assert hooks_on(net) == 0


class Views(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = seeded_net(depth=1)

    def forward(self, x):
        return self.net(x.flatten(0, 1)).view(x.shape[0], x.shape[1], -1).mean(1)


def test_views_that_a_network_puts_into_its_batch():
    net, pixels = Views().eval(), torch.stack([seeded_pixels(seed=1), seeded_pixels(seed=2), seeded_pixels(seed=3)], 1)
    exp = viz_nodes.explain(net, pixels, target="top2")
    assert [layer.image for layer in exp.layers] == [0, 1, 2]
    assert len(exp) == 4
    assert exp.source.tolist() == [0, 0, 1, 1]
    for view, layer in enumerate(exp.layers):
        single = viz_nodes.explain(net.net, pixels[:, view], target=[int(exp.target[1]), int(exp.target[3])]).layer(0)
        assert torch.equal(layer.neighbors[1::2], single.neighbors)
        torch.testing.assert_close(layer.cam[1::2] * 3, single.cam)
        torch.testing.assert_close(layer.contribution[1::2] * 3, single.contribution)


class WithAge(SmallGNN):
    def forward(self, x, age):
        return super().forward(x) * age


def test_an_image_and_a_vector():
    net, pixels = seeded(lambda: WithAge(depth=1)), seeded_pixels()
    age = torch.tensor([[2.0], [3.0]])
    exp = viz_nodes.explain(net, (pixels, age))
    assert torch.equal(exp.logits, net(pixels, age.double()).detach())
    assert [layer.image for layer in exp.layers] == [0]
    by_name = viz_nodes.explain(net, {"x": pixels, "age": age}, method="ablationcam")
    assert by_name.layers[0].cam.max() > 0


def test_points_and_images_are_told_apart_by_the_first_layer():
    first = {
        "pairs of points": nn.Conv2d(6, 4, 1),
        "points": nn.Conv1d(3, 4, 1),
        "tokens": nn.Linear(3, 4),
    }
    shapes = {name: tuple(prepare(net, torch.rand(2, 3, 50)).pixels.shape) for name, net in first.items()}
    assert set(shapes.values()) == {(2, 3, 50)}
    for image in ((3, 8, 9), (3, 3, 50)):
        assert prepare(nn.Conv2d(3, 4, 1), torch.rand(image)).size == image[1:]
    assert prepare(first["points"], torch.rand(2, 3, 50)).size == (1, 50)


@pytest.mark.parametrize(
    ("pixels", "error", "said"),
    [
        ((torch.rand(2, 3, 8, 8), torch.rand(3, 3, 8, 8)), ValueError, "equally many images"),
        ((torch.rand(2, 7), torch.rand(2, 3)), ValueError, "an image"),
        ((torch.rand(2, 3, 8, 8), torch.full((2, 1), float("nan"))), ValueError, r"`pixels\[1\]` must be finite"),
        (torch.rand(3, 8), ValueError, r"\(B, 3, H, W\)"),
        ("x.jpg", TypeError, "load_image"),
    ],
)
def test_wrong_inputs_are_refused(pixels, error, said):
    with pytest.raises(error, match=said):
        viz_nodes.explain(seeded_net(depth=1), pixels)


def test_an_image_of_one_color_has_no_peak():
    net, pixels = seeded_net(depth=1), seeded_pixels()
    plain = viz_nodes.explain(net, pixels, method="layercam", target=1).layers[0]
    pixels[1] = 0.5
    one_color = viz_nodes.explain(net, pixels, method="layercam", target=1).layers[0]
    assert (plain.peak >= 0).all()
    assert one_color.peak.tolist() == [int(plain.peak[0]), -1]
    assert float(one_color.cam[1].max()) > 0


def test_neighbors_in_another_order():
    net, pixels = seeded_net(depth=1), seeded_pixels()
    plain = viz_nodes.explain(net, pixels).layer(0)
    for order in ("share", "contribution"):
        layer = viz_nodes.explain(net, pixels, order=order).layer(0)
        values = getattr(layer, order)
        assert bool((values.diff(dim=-1) <= 0).all())
        assert torch.equal(layer.neighbors.sort(-1).values, plain.neighbors.sort(-1).values)
        back = (layer.neighbors[..., None] == plain.neighbors[..., None, :]).int().argmax(-1)
        for name in ("share", "contribution", "distance", "margin"):
            assert torch.equal(getattr(layer, name), getattr(plain, name).gather(-1, back))
    assert torch.equal(viz_nodes.explain(net, pixels, order="rank").layer(0).neighbors, plain.neighbors)
    with pytest.raises(ValueError, match="rank, share, contribution"):
        viz_nodes.explain(net, pixels, order="effect")
