"""Graphs made by functions, in which no module is called with edges."""

from __future__ import annotations

import torch
from parts import WIDTH, MaxRelative, Network, edge_tensor, gathered, nearest
from torch import nn
from torch.nn import functional as F


def graph_feature(x, k=6):
    """(B, 2C, N, k)."""
    sent = gathered(x, nearest(x, x, k))
    own = x[..., None].expand_as(sent)
    return torch.cat([sent - own, own], 1)


class Dynamic(nn.Module):
    """DGCNN, on patches or on points."""

    def __init__(self, given):
        super().__init__()
        self.embed = nn.Conv2d(3, given, 8, 8) if given != 3 else nn.Identity()
        self.first, self.second = nn.Conv2d(2 * given, WIDTH, 1), nn.Conv2d(2 * WIDTH, WIDTH, 1)
        self.head = nn.Linear(WIDTH, 5)

    def forward(self, x):
        nodes = self.embed(x).flatten(2)
        for conv in (self.first, self.second):
            nodes = F.leaky_relu(conv(graph_feature(nodes)), 0.2).max(dim=-1)[0]
        return self.head(nodes.mean(-1))


class Turns(nn.Module):
    """Graph layers and convolutions in turns inside one module, on nodes (B, C, N, 1)."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(MaxRelative() for _ in range(4))
        self.fuse = nn.Conv2d(4 * WIDTH, WIDTH, 1)

    def forward(self, x):
        nodes, kept = x.flatten(2)[..., None], []
        for conv in self.convs:
            flat = nodes.flatten(2)
            nodes = nodes + conv(nodes, edge_tensor(nearest(flat, flat, 5))).relu()
            kept.append(nodes)
        return self.fuse(torch.cat(kept, 1)).view(x.shape)


class OfPixels(nn.Module):
    """A graph over pixels, without patches."""

    def __init__(self):
        super().__init__()
        self.lift, self.conv, self.last = nn.Conv2d(3, WIDTH, 1), MaxRelative(), nn.Conv2d(WIDTH, WIDTH, 1)
        self.head = nn.Linear(WIDTH, 4)

    def forward(self, x):
        nodes = self.lift(x).flatten(2)[..., None]
        for _ in range(2):
            flat = nodes.flatten(2)
            nodes = nodes + self.conv(nodes, edge_tensor(nearest(flat, flat, 5)))
        return self.head(self.last(nodes.view(len(x), WIDTH, *x.shape[2:])).mean((2, 3)))


class OfPoints(nn.Module):
    """Points as (B, 3, N, 1), every layer with its own graph."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = MaxRelative(3, WIDTH), MaxRelative(), nn.Linear(WIDTH, 5)

    def forward(self, x):
        for conv in (self.first, self.second):
            flat = x.flatten(2)
            x = conv(x, edge_tensor(nearest(flat, flat, 5))).relu()
        return self.head(x.amax((2, 3)))


def build_patches():
    """DGCNN (2019) on patches: the graph is made by a function"""
    return Dynamic(WIDTH)


def build_points():
    """DGCNN on points (B, 3, N)"""
    return Dynamic(3), torch.randn(2, 3, 96, generator=torch.Generator().manual_seed(0))


def build_points_in_a_column():
    """deep_gcns_torch on points (B, 3, N, 1)"""
    return OfPoints(), torch.randn(2, 3, 96, 1, generator=torch.Generator().manual_seed(0))


def build_turns():
    """deep_gcns_torch: graph layers in turns inside one module"""
    return Network(Turns())


def build_pixels():
    """A graph over the pixels of a small image"""
    return OfPixels(), torch.randn(2, 3, 16, 20, generator=torch.Generator().manual_seed(0))
