"""Networks with weights set by hand, in which one path of edges is the only one from evidence to answer."""

from __future__ import annotations

import torch
from torch import nn

from builders.networks import Static

GRID, NODES = (6, 4), 24
EVIDENCE, BETWEEN, ANSWER = 20, 9, 3
PATH = ((EVIDENCE, BETWEEN), (BETWEEN, ANSWER))
"""(neighbor, center) in each of the two layers."""


class Planted(nn.Module):
    """Red at one patch is handed to a second one by layer 1, from there to a third by layer 2, where it is read.

    Green is what nobody asks for: it has a channel of its own, is passed on, and is never read.
    """

    def __init__(self, seed=0):
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 4, stride=4, bias=False)
        with torch.no_grad():
            self.stem.weight.zero_()
            self.stem.weight[0, 0] = self.stem.weight[1, 1] = 1 / 16
        self.layers = nn.ModuleList(Static("mr", 2) for _ in PATH)
        generator = torch.Generator().manual_seed(seed)
        for at, (layer, (neighbor, center)) in enumerate(zip(self.layers, PATH)):
            layer.gconv.nn = nn.Conv2d(4, 2, 1, bias=False)
            with torch.no_grad():  # what is given: x0, m0, x1, m1
                layer.gconv.nn.weight.zero_()
                layer.gconv.nn.weight[0, 1] = layer.gconv.nn.weight[1, 2] = 1.0
            others = [node for node in range(NODES) if node != neighbor]
            edges = torch.empty(NODES, 4, dtype=torch.int64)
            for node in range(NODES):
                mixed = torch.tensor(others)[torch.randperm(len(others), generator=generator)]
                mixed = mixed[mixed != node][:3].tolist()
                edges[node] = torch.tensor([node, *mixed])
            edges[center, 2] = neighbor
            self.register_buffer(f"edges{at}", edges)

    def forward(self, pixels):
        x = self.stem(pixels).flatten(2)[..., None]
        for at, layer in enumerate(self.layers):
            edges = getattr(self, f"edges{at}").expand(len(x), -1, -1)
            centers = torch.arange(NODES).view(1, -1, 1).expand_as(edges)
            x = layer(x, torch.stack([edges, centers])).reshape(len(x), 2, NODES, 1)
        answer = x[:, 0, ANSWER, 0]
        return torch.stack([answer, torch.zeros_like(answer)], 1)


def planted_pixels(images=1, seed=0):
    """Flat red at the evidence; green stripes, the strongest gradients by far, at eight other patches."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.zeros(images, 3, 24, 16, dtype=torch.float64)
    others = torch.tensor([node for node in range(NODES) if node not in (EVIDENCE, BETWEEN, ANSWER)])
    for image in pixels:
        for node in others[torch.randperm(len(others), generator=generator)[:8]].tolist():
            row, col = divmod(node, GRID[1])
            image[1, 4 * row : 4 * row + 4 : 2, 4 * col : 4 * col + 4] = 5.0
        row, col = divmod(EVIDENCE, GRID[1])
        image[0, 4 * row : 4 * row + 4, 4 * col : 4 * col + 4] = 2 + torch.rand(1, generator=generator).item()
    return pixels


def edge_detector(pixels, neighbors):
    """(N, k) the dummy: an edge matters as much as the image changes at its neighbor, whatever the network is."""
    change = torch.zeros(24, 16, dtype=torch.float64)
    change[1:] += pixels[0].diff(dim=1).abs().sum(0)
    by_patch = change.unfold(0, 4, 4).unfold(1, 4, 4).sum((-1, -2)).flatten()
    return by_patch[neighbors]
