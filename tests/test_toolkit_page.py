"""The examples of docs/toolkit.md run, from top to bottom, as one program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import viz_nodes

DOCS = Path(__file__).resolve().parents[1] / "docs"


def examples(page):
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_examples_run(capsys):
    blocks = examples("toolkit.md")
    assert len(blocks) > 10
    names: dict = {"__name__": "toolkit_page"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/toolkit.md, example {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "[0, 1, 14, 15]" in printed
    assert "[0, 0, 0, 1, 1, 1]" in printed


class SideConv(torch.nn.Module):
    """What the page on adapters talks about: it mixes every node with those left and right of it."""

    def __init__(self):
        super().__init__()
        self.nn = torch.nn.Conv2d(8, 4, 1)

    def forward(self, x):
        return self.nn(torch.cat([x, torch.maximum(x.roll(1, 3) - x, x.roll(-1, 3) - x)], 1))


class ViGBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.k, self.before, self.mix = 3, torch.nn.Linear(4, 4), torch.nn.Linear(8, 4)

    def forward(self, x):
        near = (x @ x.transpose(1, 2)).topk(self.k).indices
        features = self.before(x)
        heard = features[torch.arange(len(x))[:, None, None], near]
        return x + self.mix(torch.stack([features, (heard - features[:, :, None]).amax(2)], -1).flatten(2))


class Net(torch.nn.Module):
    def __init__(self, block, tokens):
        super().__init__()
        self.stem, self.block, self.tokens = torch.nn.Conv2d(3, 4, 2, stride=2), block, tokens

    def forward(self, pixels):
        x = self.stem(pixels)
        return self.block(x.flatten(2).transpose(1, 2)).mean(1) if self.tokens else self.block(x).mean((2, 3))


def test_the_adapters_of_the_page_are_right():
    torch.manual_seed(0)
    pixels = torch.randn(2, 3, 28, 28)
    names = {"__name__": "adapters_page", "model": Net(SideConv(), False), "pixels": pixels}
    for number, block in enumerate(examples("adapters.md"), 1):
        if not block.startswith(">>>"):
            exec(compile(block, f"docs/adapters.md, example {number}", "exec"), names)
    assert names["exp"].layer(0).exact
    for net, adapter in ((names["model"], names["LeftAndRight"]), (Net(ViGBlock(), True), names["Inside"])):
        (proof,) = viz_nodes.verify(net, pixels, adapter=adapter())
        assert (proof.conv, proof.proven, proof.error) == ("mr", True, 0)
        assert viz_nodes.explain(net, pixels, adapter=adapter()).layer(0).grid == (14, 14)
