"""What the designs beside this file share: a patch embedding, neighbors by features, a head."""

from __future__ import annotations

import torch
from torch import nn

WIDTH = 16


def nearest(x, y, k):
    """(B, N, k) the nodes of y (B, C, M) nearest to each of x (B, C, N), nearest first."""
    return torch.cdist(x.mT, y.mT).topk(k, largest=False).indices


def gathered(y, neighbors):
    """(B, C, N, k) features of neighbors."""
    batch, nodes, k = neighbors.shape
    index = neighbors.reshape(batch, 1, -1).expand(-1, y.shape[1], -1)
    return y.gather(2, index).view(batch, y.shape[1], nodes, k)


def edge_tensor(neighbors):
    """(2, B, N, k): neighbors and their centers, as ViG hands them around."""
    return torch.stack([neighbors, torch.arange(neighbors.shape[1])[:, None].expand_as(neighbors)])


class Network(nn.Module):
    """Pixels (B, 3, H, W) to a grid of patches of 8 pixels, blocks that take and give (B, C, h, w), classes."""

    def __init__(self, *blocks, classes=7):
        super().__init__()
        self.embed = nn.Conv2d(3, WIDTH, 8, 8)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(WIDTH, classes)

    def features(self, pixels):
        return self.blocks(self.embed(pixels)).mean((2, 3))

    def forward(self, pixels):
        return self.head(self.features(pixels))


class MaxRelative(nn.Module):
    """max_j (y_j - x_i) beside x_i, as in DeepGCNs (Li et al., ICCV 2019) and ViG."""

    def __init__(self, width=WIDTH, out=WIDTH):
        super().__init__()
        self.mix = nn.Conv2d(2 * width, out, 1)

    def forward(self, x, edges, y=None):
        nodes, keys = x.flatten(2), (x if y is None else y).flatten(2)
        best = (gathered(keys, edges[0]) - nodes[..., None]).amax(-1)
        return self.mix(torch.cat([nodes, best], 1)[..., None])


class Nearest(nn.Module):
    """Edges to the k nodes (or key nodes) most like each, by features of length one."""

    def __init__(self, k):
        super().__init__()
        self.k = k

    def forward(self, x, y=None):
        nodes, keys = (nn.functional.normalize(each.flatten(2), dim=1) for each in (x, x if y is None else y))
        return edge_tensor(nearest(nodes, keys, self.k))


class Block(nn.Module):
    """A ViG block: every patch hears the patches most like it."""

    def __init__(self, conv=MaxRelative, k=5):
        super().__init__()
        self.before, self.conv, self.after = nn.Conv2d(WIDTH, WIDTH, 1), conv(), nn.Conv2d(WIDTH, WIDTH, 1)
        self.near = Nearest(k)

    def forward(self, x):
        z = self.before(x)
        nodes = z.flatten(2)[..., None]
        heard = self.conv(nodes, self.near(nodes))
        return x + self.after(heard.view(x.shape).relu())
