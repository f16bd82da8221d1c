"""The candidates most like a node that it did not keep: nearest first, with the distances the layer ranked them by."""

from __future__ import annotations

import pytest
import torch

from viz_nodes.capture.distances import Candidates, ranking


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_rejected_candidates_are_all_nearer_ones_left_out_and_then_the_next(dilation):
    x = torch.randn(1, 5, 30, generator=torch.Generator().manual_seed(2))
    squares = torch.cdist(x.transpose(1, 2), x.transpose(1, 2)).square()
    ordered, nearest = squares.sort(dim=2)
    found = ranking(Candidates(nearest[..., : 4 * dilation : dilation], x, x, None))
    assert found.dilation == dilation
    places = [place for place in range(4 * dilation + 4) if place % dilation or place >= 4 * dilation]
    assert torch.equal(found.rejected, nearest[..., places])
    assert torch.allclose(found.rejected_distance, ordered[..., places].double(), atol=1e-4)
    assert torch.equal(found.skipped, found.rejected[..., : 4 * dilation - 4])


def test_there_are_fewer_where_a_node_has_no_more_candidates():
    x = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(2))
    nearest = torch.cdist(x.transpose(1, 2), x.transpose(1, 2)).square().argsort(dim=2)
    assert ranking(Candidates(nearest[..., :5], x, x, None)).rejected.shape == (1, 6, 1)
