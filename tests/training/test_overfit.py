"""A network that cannot learn eight images by heart is broken, whatever its accuracy elsewhere."""

from __future__ import annotations

import os

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F

from vizgraph.models import ARCHITECTURES

FAST = {"gcn_demo", "vig_demo", "vig_ti", "graphconvnetp_ti"}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_an_architecture_learns_eight_images_by_heart(arch):
    if arch not in FAST and not os.environ.get("VIZGRAPH_SLOW"):
        pytest.skip("takes a minute; set VIZGRAPH_SLOW=1")
    pyramid = "p_" in arch or arch.startswith("pvig")
    side = 96 if pyramid else 48
    torch.manual_seed(0)
    model = timm.create_model(arch, num_classes=8, img_size=side, k=2 if pyramid else 1).train()
    pixels = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 3, side, side), np.float32))
    labels = torch.arange(8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(60):
        loss = F.cross_entropy(model(pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 1e-2:
            break
    assert loss < 1e-2
