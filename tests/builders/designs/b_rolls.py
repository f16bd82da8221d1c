"""Edges along rows and columns, under any class name."""

from __future__ import annotations

import torch
from parts import WIDTH, Network
from torch import nn


class Axial(nn.Module):
    """Relative features of nodes some steps away, gated by likeness; the largest is kept."""

    def __init__(self, steps, gated, sliced=False):
        super().__init__()
        self.steps, self.gated, self.sliced = steps, gated, sliced
        self.mix = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def moved(self, x, step, axis):
        if not self.sliced:
            return torch.roll(x, step, axis)
        size = x.shape[axis]
        return torch.cat([x.narrow(axis, size - step, step), x.narrow(axis, 0, size - step)], axis)

    def forward(self, x):
        best = torch.zeros_like(x)
        for axis in (2, 3):
            for step in self.steps:
                apart = self.moved(x, step, axis) - x
                if self.gated:
                    apart = apart * torch.exp(-apart.abs().mean(1, keepdim=True))
                best = torch.maximum(best, apart)
        return x + self.mix(torch.cat([x, best], 1))


class Drawn(Axial):
    """The same behind a mixing of channels whose weights are drawn in every run."""

    def forward(self, x):
        drawn = torch.randn(WIDTH, WIDTH, 1, 1, dtype=x.dtype, device=x.device) * 0.1
        return super().forward(x + nn.functional.conv2d(x, drawn))


def build_every_second():
    """MobileViG (2023): every second node of row and column"""
    return Network(Axial(range(2, 14, 2), gated=False), Axial(range(2, 14, 2), gated=False))


def build_powers():
    """LogViG (2025): 1, 2, 4, 8 steps away"""
    return Network(Axial((1, 2, 4, 8), gated=False, sliced=True), Axial((1, 2, 4, 8), gated=False, sliced=True))


def build_gated():
    """AdaptViG (2026): the same, gated by likeness"""
    return Network(Axial((1, 2, 4, 8), gated=True), Axial((1, 2, 4, 8), gated=True))


def build_drawn():
    """LogViG's code: the same behind weights that are drawn in every run"""
    return Network(Drawn((1, 2, 4, 8), gated=False), Drawn((1, 2, 4, 8), gated=False))
