"""Edges in a list (2, E) over all images."""

from __future__ import annotations

import torch
from parts import WIDTH, Network, nearest
from torch import nn
from torch_geometric.nn import EdgeConv, GATv2Conv, MessagePassing, PNAConv


class Threshold(nn.Module):
    """As many neighbors as are alike enough, receivers first in the list."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        batch, width, rows, cols = x.shape
        nodes = x.flatten(2).mT
        unit = nodes / nodes.norm(dim=2, keepdim=True)
        alike = unit @ unit.mT
        image, receiver, sender = (alike > alike.mean() + 1.2 * alike.std()).nonzero(as_tuple=True)
        edges = torch.stack([image * rows * cols + receiver, image * rows * cols + sender])
        table = nodes.reshape(-1, width)
        sent = table[edges[1]] - table[edges[0]]
        into = edges[0][:, None].expand_as(sent)
        best = torch.zeros_like(table).scatter_reduce(0, into, sent, "amax", include_self=False)
        return x + self.mix(torch.cat([table, best], 1)).view(batch, -1, width).mT.reshape(x.shape)


def listed(nodes, k=5):
    """(B * N, C) and (2, E), sender first, of nodes (B, N, C)."""
    batch, count, width = nodes.shape
    first = torch.arange(batch)[:, None, None] * count
    senders = nearest(nodes.mT, nodes.mT, k) + first
    receivers = (torch.arange(count)[None, :, None] + first).expand_as(senders)
    return nodes.reshape(-1, width), torch.stack([senders.flatten(), receivers.flatten()])


class Geometric(nn.Module):
    """A layer of PyTorch Geometric among convolutions."""

    def __init__(self, conv):
        super().__init__()
        self.local, self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), conv

    def forward(self, x):
        x = x + self.local(x)
        batch, width = x.shape[:2]
        heard = self.conv(*listed(x.flatten(2).mT)).view(batch, -1, width)
        return x + heard.mT.reshape(x.shape)


class Sorted(nn.Module):
    """Nodes are sorted by a feature, aggregated in that order, and put back."""

    def __init__(self):
        super().__init__()
        self.conv = EdgeConv(nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x):
        batch, width = x.shape[:2]
        nodes = x.flatten(2).mT
        order = nodes[..., 0].argsort(1)[..., None].expand_as(nodes)
        heard = self.conv(*listed(nodes.gather(1, order))).view(batch, -1, width)
        return x + torch.empty_like(heard).scatter(1, order, heard).mT.reshape(x.shape)


class AmongClusters(MessagePassing):
    """Maximum over neighbors in a node's own cluster, beside what the clusters' centers heard from each other."""

    def __init__(self):
        super().__init__(aggr="max")
        self.centers, self.mix = GATv2Conv(WIDTH, WIDTH), nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, nodes, edges, centers, among, cluster):
        centers = self.centers(centers, among)
        out = self.propagate(edges, x=nodes)
        out += nodes
        return self.mix(torch.cat([nodes, out, centers[cluster]], 1))

    def message(self, x_i, x_j):
        return x_j - x_i


class Clustered(nn.Module):
    """Nodes gated by the mean of all, sorted by the nearest of some centers, aggregated within these, and put back."""

    def __init__(self, clusters=3, k=4):
        super().__init__()
        self.centers, self.k = nn.Parameter(torch.randn(clusters, WIDTH)), k
        self.conv = AmongClusters()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(WIDTH, WIDTH, 1), nn.Sigmoid())

    def forward(self, x):
        batch, width = x.shape[:2]
        x = x * self.gate(x)
        nodes, count = x.flatten(2).mT, len(self.centers)
        label = torch.cdist(nodes, self.centers[None].expand(batch, -1, -1)).argmin(-1)
        order = label.argsort(dim=1, stable=True)
        own, label = nodes.gather(1, order[..., None].expand_as(nodes)), label.gather(1, order)
        apart = torch.cdist(own, own).masked_fill(label[:, None] != label[..., None], float("inf"))
        near = apart.topk(self.k, largest=False)
        first = torch.arange(batch)[:, None, None] * own.shape[1]
        there = near.values.isfinite()
        receivers = (torch.arange(own.shape[1])[None, :, None] + first).expand_as(near.indices)[there]
        edges = torch.stack([(near.indices + first)[there], receivers])
        cluster = (label + torch.arange(batch)[:, None] * count).flatten()
        among = torch.ones(count, count).nonzero().T.repeat(1, batch)
        among = among + torch.arange(batch).repeat_interleave(count**2) * count
        centers = self.centers.repeat(batch, 1)
        heard = self.conv(own.reshape(-1, width), edges, centers, among, cluster).view(batch, -1, width)
        back = order.argsort(1)[..., None].expand_as(heard)
        return x + heard.gather(1, back).mT.reshape(x.shape)


def build_threshold():
    """SViG (2025): as many as are alike enough, receivers first"""
    return Network(Threshold(), Threshold())


def build_geometric():
    """PyTorch Geometric's EdgeConv between convolutions"""
    return Network(*[Geometric(EdgeConv(nn.Linear(2 * WIDTH, WIDTH))) for _ in range(3)])


def build_pna():
    """PyTorch Geometric's PNAConv: mean, maximum, minimum, deviation"""
    degrees = torch.tensor([0, 0, 0, 0, 0, 9])
    conv = (["mean", "max", "min", "std"], ["identity"], degrees)
    return Network(*[Geometric(PNAConv(WIDTH, WIDTH, *conv)) for _ in range(2)])


def build_sorted():
    """Nodes sorted by a feature, then put back"""
    return Network(*[Sorted() for _ in range(5)])


def build_clustered():
    """ClusterViG (2025): inside of clusters, whose centers hear each other"""
    return Network(*[Clustered() for _ in range(5)])
