"""Edges that are attended: the keys that a query keeps."""

from __future__ import annotations

from parts import WIDTH, Network
from torch import nn


class Kept(nn.Module):
    """Every query keeps its k keys of largest weight; all others count for nothing."""

    def __init__(self, k=6, heads=2):
        super().__init__()
        self.k, self.heads = k, heads
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        tokens = x.flatten(2).mT
        batch, count, _ = tokens.shape
        q, k, v = self.qkv(tokens).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT
        least = scores.topk(self.k, dim=-1).values[..., -1:]
        weights = scores.masked_fill(scores < least, float("-inf")).softmax(-1)
        heard = (weights @ v).transpose(1, 2).reshape(batch, count, WIDTH)
        return x + self.out(heard).mT.reshape(x.shape)


class Routed(nn.Module):
    """Every window of 2 x 2 attends to the tokens of the windows most like it."""

    def __init__(self, windows=4):
        super().__init__()
        self.windows = windows
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, width, rows, cols = x.shape
        cut = x.view(batch, width, rows // 2, 2, cols // 2, 2).permute(0, 2, 4, 3, 5, 1)
        q, k, v = self.qkv(cut.reshape(batch, -1, 4, width)).chunk(3, -1)
        near = (q.mean(2) @ k.mean(2).mT).topk(self.windows, dim=-1).indices
        pick = near[..., None, None].expand(-1, -1, -1, 4, width)
        count = q.shape[1]
        keys, values = (each[:, None].expand(-1, count, -1, -1, -1).gather(2, pick).flatten(2, 3) for each in (k, v))
        heard = (q @ keys.mT * width**-0.5).softmax(-1) @ values
        back = self.out(heard).view(batch, rows // 2, cols // 2, 2, 2, width).permute(0, 5, 1, 3, 2, 4)
        return x + back.reshape(x.shape)


def build_kept():
    """KVT (2022): attention to the k best keys"""
    return Network(Kept(), Kept())


def build_routed():
    """BiFormer (2023): attention to routed windows"""
    return Network(Routed(), Routed())
