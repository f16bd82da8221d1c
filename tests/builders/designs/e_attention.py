"""Edges that are attended: the keys that a query keeps."""

from __future__ import annotations

import torch
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


class Tokens(Kept):
    """Tokens in a list behind a class token, more than half of which are kept."""

    def forward(self, tokens):
        batch, count, _ = tokens.shape
        q, k, v = self.qkv(tokens).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT
        kept = torch.zeros_like(scores).scatter(-1, scores.topk(self.k, dim=-1).indices, 1.0)
        weights = torch.where(kept > 0, scores, torch.full_like(scores, float("-inf"))).softmax(-1)
        return tokens + self.out((weights @ v).transpose(1, 2).reshape(batch, count, WIDTH))


class Transformer(nn.Module):
    """Patches in a list, a class token before them, which alone is read in the end."""

    def __init__(self, k=100):
        super().__init__()
        self.embed, self.token = nn.Conv2d(3, WIDTH, 8, 8), nn.Parameter(torch.randn(1, 1, WIDTH))
        self.position = nn.Parameter(torch.randn(1, 197, WIDTH) * 0.1)
        self.blocks, self.head = nn.Sequential(Tokens(k), Tokens(k)), nn.Linear(WIDTH, 7)

    def forward(self, pixels):
        patches = self.embed(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(pixels), -1, -1), patches], 1) + self.position
        return self.head(self.blocks(tokens)[:, 0])


class RoutedAttention(nn.Module):
    """As `Routed`, of features (B, H, W, C), by heads, the windows of all images in one batch."""

    def __init__(self, windows, heads=2, side=7):
        super().__init__()
        self.windows, self.heads, self.side = windows, heads, side
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.local = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)

    def forward(self, x):
        (batch, rows, cols, width), side, heads = x.shape, self.side, self.heads
        down, across = rows // side, cols // side
        cut = x.view(batch, side, down, side, across, width).transpose(2, 3)
        q, kv = self.qkv(cut.reshape(batch, side**2, down * across, width)).split([width, 2 * width], -1)
        near = (q.mean(2) @ kv[..., :width].mean(2).mT).topk(self.windows, dim=-1).indices
        count, size = q.shape[1:3]
        pick = near[..., None, None].expand(-1, -1, -1, size, 2 * width)
        chosen = kv.view(batch, 1, count, size, -1).expand(-1, count, -1, -1, -1).gather(2, pick)
        keys, values = chosen.split(width, -1)

        def by_head(tokens):
            return tokens.reshape(batch * count, -1, heads, width // heads).transpose(1, 2)

        scores = by_head(q) * width**-0.5 @ by_head(keys).transpose(-2, -1)
        heard = scores.softmax(-1) @ by_head(values)
        grid = heard.transpose(1, 2).reshape(batch, side, side, down, across, width).transpose(2, 3)
        values = kv[..., width:].view(batch, side, side, down, across, width).transpose(2, 3)
        local = self.local(values.reshape(x.shape).permute(0, 3, 1, 2).contiguous()).permute(0, 2, 3, 1)
        return self.out(grid.reshape(x.shape) + local)


class RoutedBlock(nn.Module):
    """Positions by a convolution, attention with channels last, a residual."""

    def __init__(self, windows):
        super().__init__()
        self.position, self.norm = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH), nn.LayerNorm(WIDTH)
        self.attention = RoutedAttention(windows)

    def forward(self, x):
        x = (x + self.position(x)).permute(0, 2, 3, 1)
        return (x + self.attention(self.norm(x))).permute(0, 3, 1, 2)


def build_kept():
    """KVT (2022): attention to the k best keys"""
    return Network(Kept(), Kept())


def build_routed():
    """BiFormer (2023): attention to routed windows"""
    return Network(Routed(), Routed())


def build_tokens():
    """KVT's code: 100 of 197 tokens, a class token among them"""
    return {"model": Transformer(), "pixels": torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))}


def build_routed_by_heads():
    """BiFormer's code: channels last, by heads, all windows in one batch"""
    return Network(RoutedBlock(1), RoutedBlock(4))
