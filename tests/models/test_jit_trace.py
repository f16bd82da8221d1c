"""The networks can be traced, as for a program without Python."""

from __future__ import annotations

import pytest
import timm
import torch

import vizgraph  # noqa: F401, registers the networks


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", ["vig_demo", "gcn_demo"])
def test_a_traced_network_answers_as_it_did(name):
    net = timm.create_model(name).eval()
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    traced = torch.jit.trace(net, pixels, check_trace=False)
    with torch.no_grad():
        torch.testing.assert_close(traced(pixels), net(pixels), rtol=1e-4, atol=1e-5)
