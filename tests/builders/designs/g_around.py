"""ViG blocks, with other inputs, outputs and ways of the gradient."""

from __future__ import annotations

import torch
from parts import WIDTH, Block, Network
from torch import nn


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Compared(Network):
    def forward(self, one, other):
        return (self.features(one) * self.features(other)).sum(1, keepdim=True)


class WithAge(Network):
    def forward(self, pixels, age):
        return super().forward(pixels) + age


class EmbeddingFirst(Network):
    def forward(self, pixels):
        found = self.features(pixels)
        return found, self.head(found)


class Segments(Network):
    def __init__(self):
        super().__init__(Block(), Block())
        self.classes = nn.Conv2d(WIDTH, 4, 1)

    def forward(self, pixels):
        return nn.functional.interpolate(self.classes(self.blocks(self.embed(pixels))), pixels.shape[2:])


class Frozen(Network):
    def forward(self, pixels):
        with torch.no_grad():
            patches = self.embed(pixels)
        return self.head(self.blocks(patches).mean((2, 3)))


class Branch(Network):
    def forward(self, pixels):
        patches = self.embed(pixels)
        return self.head(self.blocks[1](patches).mean((2, 3)) + self.blocks[0](patches.detach()).mean((2, 3)))


class Plain(Network):
    def __init__(self):
        super().__init__(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU())


def build_two_images():
    """Two images, compared"""
    return Compared(Block(), Block()), (noise(2, 3, 112, 112), noise(2, 3, 112, 112, seed=1))


def build_vector():
    """An image and a vector"""
    return WithAge(Block(), Block()), (noise(2, 3, 112, 112), noise(2, 7))


def build_embedding():
    """An embedding, then logits"""
    return EmbeddingFirst(Block(), Block())


def build_embedding_named():
    """The same, with `output=1`"""
    return {"model": EmbeddingFirst(Block(), Block()), "output": 1}


def build_segments():
    """Segmentation"""
    return Segments()


def build_segments_target():
    """The same, with a `target` on the raw output"""
    return {"model": Segments(), "target": lambda raw: raw[:, 2].mean((1, 2))}


def build_frozen():
    """Graph layers on a frozen encoder"""
    return Frozen(Block(), Block())


def build_branch():
    """A branch that gradients do not pass"""
    return Branch(Block(), Block())


def build_plain():
    """A network without a graph"""
    return Plain()
