"""Hypergraphs: nodes become groups, and hear the groups."""

from __future__ import annotations

import torch
from parts import WIDTH, Network, gathered, nearest
from torch import nn
from torch_geometric.nn import HypergraphConv


class Clusters(nn.Module):
    """Groups of the nodes nearest to learned centers; each node hears the two groups nearest to it."""

    def __init__(self, groups=10, size=24):
        super().__init__()
        self.centers, self.size = nn.Parameter(torch.randn(WIDTH, groups)), size
        self.inside, self.mix = nn.Conv1d(WIDTH, WIDTH, 1), nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x):
        nodes = x.flatten(2)
        centers = self.centers[None].expand(len(x), -1, -1)
        groups = self.inside(gathered(nodes, nearest(centers, nodes, self.size)).mean(-1)).relu()
        heard = gathered(groups, nearest(nodes, centers, 2)).amax(-1)
        return x + self.mix(torch.cat([nodes, heard], 1).view(len(x), -1, *x.shape[2:]))


class Single(Clusters):
    """Each node is in the one group nearest to it; lists of unequal length are filled up with the last node."""

    def forward(self, x):
        nodes = x.flatten(2)
        own = nearest(nodes, self.centers[None].expand(len(x), -1, -1), 1)
        inside = own == torch.arange(self.centers.shape[1])
        most = int(inside.sum(1).max())
        last = nodes.shape[2] - 1
        listed = torch.where(inside, torch.arange(nodes.shape[2])[:, None], last).mT.sort(-1).values[..., :most]
        groups = self.inside(gathered(nodes, listed).mean(-1)).relu()
        heard = gathered(groups, own).mean(-1)
        return x + self.mix(torch.cat([nodes, heard], 1).view(len(x), -1, *x.shape[2:]))


class Slots(nn.Module):
    """As many softly filled slots as there would be keys pooled by 2; each node hears the three nearest to it."""

    def __init__(self, slots=49):
        super().__init__()
        self.queries, self.inside = nn.Parameter(torch.randn(slots, WIDTH)), nn.Linear(WIDTH, WIDTH)
        self.mix = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x):
        nodes = x.flatten(2)
        filled = self.inside((self.queries[None] @ nodes).softmax(-1) @ nodes.mT).mT
        heard = gathered(filled, nearest(nodes, filled, 3)).amax(-1)
        return x + self.mix(torch.cat([nodes, heard], 1).view(len(x), -1, *x.shape[2:]))


class Incidence(nn.Module):
    """A matrix of incidence (B, N, E) by the nearest centers: D_v^-1 H W D_e^-1 H^T X, as in HGNN."""

    def __init__(self, groups=12, kept=3, left=True):
        super().__init__()
        self.centers, self.kept, self.left = nn.Parameter(torch.randn(groups, WIDTH)), kept, left
        self.inside, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        tokens = x.flatten(2).mT
        near = torch.cdist(tokens, self.centers[None].expand(len(x), -1, -1)).topk(self.kept, largest=False).indices
        incidence = torch.zeros(*tokens.shape[:2], len(self.centers), dtype=x.dtype).scatter(2, near, 1.0)
        into = incidence / incidence.sum(1, keepdim=True).clamp(min=1)
        back = incidence / incidence.sum(2, keepdim=True)
        if self.left:
            heard = back @ self.inside(into.mT @ tokens).relu()
        else:
            groups = torch.einsum("bne,bnc->bec", into, tokens)
            heard = torch.einsum("bne,bec->bnc", back, self.inside(groups).relu())
        return x + self.out(heard).mT.reshape(x.shape)


class Listed(nn.Module):
    """PyTorch Geometric's layer: which node is in which hyperedge as a list over all images."""

    def __init__(self, groups=12, kept=3):
        super().__init__()
        self.centers, self.kept = nn.Parameter(torch.randn(groups, WIDTH)), kept
        self.conv = HypergraphConv(WIDTH, WIDTH)

    def forward(self, x):
        tokens = x.flatten(2).mT
        batch, count, width = tokens.shape
        near = torch.cdist(tokens, self.centers[None].expand(batch, -1, -1)).topk(self.kept, largest=False).indices
        image = torch.arange(batch)[:, None, None]
        node = (torch.arange(count)[None, :, None] + image * count).expand_as(near)
        index = torch.stack([node.flatten(), (near + image * len(self.centers)).flatten()])
        heard = self.conv(tokens.reshape(-1, width), index, num_edges=batch * len(self.centers))
        return x + heard.view(batch, count, width).mT.reshape(x.shape)


class Soft(Incidence):
    """Every node is in every group, by a softmax: no set is drawn apart from another."""

    def forward(self, x):
        tokens = x.flatten(2).mT
        parts = (-torch.cdist(tokens, self.centers[None].expand(len(x), -1, -1))).softmax(2)
        groups = self.inside(parts.mT @ tokens).relu()
        return x + self.out(parts @ groups).mT.reshape(x.shape)


def build_clusters():
    """ViHGNN (2023): groups of clustered nodes"""
    return Network(Clusters(), Clusters())


def build_single():
    """ViHGNN's code: each node in one group alone"""
    return Network(Single(), Single())


def build_slots():
    """As many soft groups as there would be pooled keys"""
    return Network(Slots(), Slots())


def build_incidence():
    """HGNN's D^-1 H W D^-1 H^T X on patches"""
    return Network(Incidence(), Incidence())


def build_incidence_einsum():
    """The same, written as einsum"""
    return Network(Incidence(left=False), Incidence(left=False))


def build_listed():
    """PyTorch Geometric's HypergraphConv"""
    return Network(Listed(), Listed())


def build_soft():
    """Every node in every hyperedge, by a softmax"""
    return Network(Soft(), Soft())
