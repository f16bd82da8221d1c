"""Whom a node of a layer hears, found without the toolkit: the gradient of what a block gives by what it takes."""

import torch
from torch import nn

WIDTH = 8


class Blocks(nn.Module):
    """Pixels to a grid of patches of 4 pixels, blocks that take and give (B, C, h, w), classes."""

    def __init__(self, *blocks):
        super().__init__()
        self.embed = nn.Conv2d(3, WIDTH, 4, 4)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, pixels):
        return self.head(self.blocks(self.embed(pixels)).mean((2, 3)))


def rows(x):
    """(B, N, C) of (B, C, h, w)."""
    return x.flatten(2).transpose(1, 2)


def like(z, x):
    """(B, C, h, w) as x of (B, N, C)."""
    return z.transpose(1, 2).reshape(x.shape)


def nearest(z, k=4):
    """(B, N, k) by distance, of (B, N, C)."""
    return torch.cdist(z, z).topk(k, largest=False).indices


def take(z, index):
    """(B, N, k, C)."""
    return z[torch.arange(len(z))[:, None, None], index]


def heard_by(block, given, cell):
    """The cells of a block's input (1, C, h, w) that change a cell of its output, graphs held, without itself."""
    given = given.detach().clone().requires_grad_(True)
    out = block(given)[0].flatten(1)[:, cell]
    mixed = torch.randn(len(out), generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad((out * mixed).sum(), given)
    there = gradient[0].abs().sum(0).flatten()
    return set((there > 1e-9 * there.max()).nonzero().flatten().tolist()) - {cell}


def given_to_blocks(model, pixels):
    """What each block is given."""
    given = []
    hooks = [block.register_forward_pre_hook(lambda _, args: given.append(args[0])) for block in model.blocks]
    with torch.no_grad():
        model(pixels)
    for hook in hooks:
        hook.remove()
    return given


def drawn(layer, cell):
    """The cells a figure draws edges from that carry something, without itself."""
    neighbors, share = layer.neighbors[0, cell], layer.share[0, cell]
    return set(neighbors[(neighbors >= 0) & (share > 0)].tolist()) - {cell}
