"""Edges by likeness of features, handed around as a tensor."""

from __future__ import annotations

import torch
from parts import WIDTH, Block, MaxRelative, Network, edge_tensor, gathered, nearest
from torch import nn
from torch.nn import functional as F


class Pooled(Block):
    def forward(self, x):
        z = self.before(x)
        nodes, keys = z.flatten(2)[..., None], F.avg_pool2d(z, 2).flatten(2)[..., None]
        heard = self.conv(nodes, self.near(nodes, keys), keys)
        return x + self.after(heard.view(x.shape).relu())


class MeanAndMax(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(3 * WIDTH, WIDTH, 1)

    def forward(self, x, edges):
        nodes = x.flatten(2)
        sent = gathered(nodes, edges[0])
        heard = [sent.mean(-1), (sent - nodes[..., None]).amax(-1)]
        return self.mix(torch.cat([nodes, *heard], 1)[..., None])


class Four(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(5 * WIDTH, WIDTH, 1)

    def forward(self, x, edges):
        nodes = x.flatten(2)
        sent = gathered(nodes, edges[0])
        heard = [sent.mean(-1), sent.amax(-1), sent.amin(-1), sent.var(-1, unbiased=False).add(1e-5).sqrt()]
        return self.mix(torch.cat([nodes, *heard], 1)[..., None])


class Inherited(MaxRelative):
    """Called with features alone; the edges go to what it inherits."""

    def forward(self, x):
        nodes = x.flatten(2)
        return x + super().forward(nodes[..., None], edge_tensor(nearest(nodes, nodes, 5))).view(x.shape)


class InheritedPooled(MaxRelative):
    """The same, hearing patches that it pools itself."""

    def forward(self, x):
        nodes, keys = x.flatten(2), F.avg_pool2d(x, 2).flatten(2)
        edges = edge_tensor(nearest(nodes, keys, 5))
        return x + super().forward(nodes[..., None], edges, keys[..., None]).view(x.shape)


class Windowed(Block):
    """Graphs in windows of 7 x 7, of a grid that is rolled by 3."""

    def __init__(self, shift):
        super().__init__()
        self.shift_size = shift

    def forward(self, x):
        batch, width, rows, cols = x.shape
        rolled = torch.roll(self.before(x), (-self.shift_size,) * 2, (2, 3))
        cut = rolled.view(batch, width, rows // 7, 7, cols // 7, 7).permute(0, 2, 4, 1, 3, 5)
        nodes = cut.reshape(-1, width, 49, 1)
        heard = self.conv(nodes, self.near(nodes))
        back = heard.view(batch, rows // 7, cols // 7, width, 7, 7).permute(0, 3, 1, 4, 2, 5).reshape(x.shape)
        return x + self.after(torch.roll(back, (self.shift_size,) * 2, (2, 3)))


def build_vig():
    """ViG (Han et al., 2022): the k most alike, max-relative"""
    return Network(Block(), Block(), Block())


def build_pyramid():
    """Pyramid ViG: keys pooled by 2"""
    return Network(Pooled(), Pooled(), Block())


def build_windows():
    """WiGNet (2025): inside of shifted windows"""
    return Network(Windowed(0), Windowed(3), Windowed(0))


def build_inherited():
    """AViG (2024): the layer inherits its aggregation"""
    return Network(Inherited(), Inherited())


def build_inherited_pyramid():
    """Pyramid AViG: the same, keys pooled by 2 inside of it"""
    return Network(InheritedPooled(), InheritedPooled(), Inherited())


def build_mean_and_max():
    """PVG (2023): mean and maximum at once"""
    return Network(Block(MeanAndMax), Block(MeanAndMax))


def build_four():
    """PNA (2020): mean, maximum, minimum, deviation"""
    return Network(Block(Four), Block(Four))
