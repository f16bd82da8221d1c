"""Nodes that are added, or that are no grid."""

from __future__ import annotations

import numpy as np
import torch
from parts import WIDTH, MaxRelative, Network, edge_tensor, nearest
from torch import nn
from torch_geometric.nn import GATConv


class Prompted(nn.Module):
    """Learned nodes are appended as one more row, and cut off behind the graph layer."""

    def __init__(self, columns=14):
        super().__init__()
        self.prompts, self.conv = nn.Parameter(torch.randn(WIDTH, columns) * 0.3), Grid()

    def forward(self, x):
        row = self.prompts[None, :, None].expand(len(x), -1, -1, -1)
        return x + self.conv(torch.cat([x, row], 2))[:, :, : x.shape[2]]


class Grid(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = MaxRelative()

    def forward(self, x):
        nodes = x.flatten(2)
        return self.conv(nodes[..., None], edge_tensor(nearest(nodes, nodes, 5))).view(x.shape)


def regions(size=48):
    """(size, size) the number of the region of each pixel, 30 of them, from points at random."""
    points = np.random.default_rng(0).uniform(0, size, (30, 2))
    rows, cols = np.mgrid[:size, :size]
    return ((rows[..., None] - points[:, 0]) ** 2 + (cols[..., None] - points[:, 1]) ** 2).argmin(-1)


class Superpixels(nn.Module):
    """The mean color of every region, and attention between regions that touch."""

    def __init__(self):
        super().__init__()
        labels = torch.from_numpy(regions())
        one = nn.functional.one_hot(labels.flatten()).float()
        self.register_buffer("mean", one / one.sum(0))
        sides = [(labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])]
        pairs = torch.cat([torch.stack([one.flatten(), other.flatten()]) for one, other in sides], 1)
        pairs = torch.unique(torch.cat([pairs, pairs.flip(0)], 1), dim=1)
        self.register_buffer("edges", pairs[:, pairs[0] != pairs[1]])
        self.first, self.second = GATConv(3, WIDTH, heads=2), GATConv(2 * WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, 6)

    def forward(self, x):
        nodes = (x.flatten(2) @ self.mean).mT
        count = nodes.shape[1]
        edges = torch.cat([self.edges + image * count for image in range(len(x))], 1)
        heard = self.second(self.first(nodes.reshape(-1, 3), edges).relu(), edges)
        return self.head(heard.view(len(x), count, -1).mean(1))


def build_prompts():
    """VGP (2025): learned nodes as one more row"""
    return Network(Prompted(), Prompted())


def build_superpixels():
    """GAT on superpixels, with `places=`"""
    pixels = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    return {"model": Superpixels(), "pixels": pixels, "places": regions()}


def build_superpixels_unsaid():
    """The same, without"""
    return Superpixels(), torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
