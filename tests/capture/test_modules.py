"""The walk over a network's modules is torch's own, only quicker; so is the look for what is not finite."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from viz_nodes.arguments import all_finite
from viz_nodes.capture.modules import modules_of


def test_modules_come_in_torchs_order_each_once():
    shared = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    net = nn.Sequential(nn.Sequential(shared, nn.Linear(2, 3)), shared, nn.ModuleList([nn.GELU(), shared[0]]))
    net.register_module("gone", None)
    net[1].extra = net[0][1]
    assert [id(module) for module in modules_of(net)] == [id(module) for module in net.modules()]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_only_what_is_not_finite_is_not(dtype):
    large = torch.full((9,), torch.finfo(dtype).max, dtype=dtype)  # the sum is infinite
    assert all_finite(large)
    assert all_finite(torch.empty(0, dtype=dtype))
    for wrong in ([float("nan")], [float("inf")], [float("inf"), float("-inf")]):
        assert not all_finite(torch.cat([large, torch.tensor(wrong, dtype=dtype)]))
