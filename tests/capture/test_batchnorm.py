"""Gradients of one image are those of the same image in a batch of two, and those of small differences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import seeded_net, seeded_pixels
from viz_nodes.capture.batchnorm import exact_batchnorms


def as_rows(tensor):
    """The same numbers, a row of memory a node."""
    rows = tensor.flatten(2).transpose(1, 2).contiguous()
    return rows.transpose(1, 2).unflatten(2, tensor.shape[2:])


LAYOUTS = {
    "as its shape says": lambda tensor: tensor.clone(),
    "channels last": lambda tensor: tensor.contiguous(memory_format=torch.channels_last),
    "rows of nodes": as_rows,
}


@pytest.mark.parametrize("gradient", LAYOUTS)
@pytest.mark.parametrize("memory", LAYOUTS)
@pytest.mark.parametrize("shape", [(1, 6, 4, 5), (1, 6, 20, 1), (2, 6, 20, 1), (2, 6, 4, 5)])
@pytest.mark.parametrize("norm", [nn.BatchNorm2d(6), nn.InstanceNorm2d(6, affine=True), nn.BatchNorm2d(6).train()])
def test_gradients_do_not_depend_on_how_numbers_lie(norm, shape, memory, gradient):
    norm = norm.double().train(norm.training and isinstance(norm, nn.BatchNorm2d))
    generator = torch.Generator().manual_seed(0)
    values, slopes = torch.randn(2, *shape, dtype=torch.float64, generator=generator)
    x, plain = LAYOUTS[memory](values).requires_grad_(), values.clone().requires_grad_()
    with exact_batchnorms(norm):
        found, *_ = torch.autograd.grad(norm(x), x, LAYOUTS[gradient](slopes))
    expected, *_ = torch.autograd.grad(norm(plain), plain, slopes)
    assert torch.allclose(found, expected, atol=1e-12)
    assert not norm._forward_hooks


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    "view",
    [
        lambda batch: torch.randn(batch, 6, 30).unfold(2, 5, 1)[:, :, :4],  # windows that share numbers
        lambda batch: torch.randn(batch, 6, 4, 1).expand(-1, -1, -1, 5),
        lambda batch: torch.randn(batch, 20, 9)[..., :6].transpose(1, 2).unflatten(2, (4, 5)),
        lambda batch: torch.randn(batch, 9, 4, 5)[:, :6],
    ],
)
def test_inputs_that_are_views_of_others(view, batch):
    torch.manual_seed(0)
    norm, x = nn.BatchNorm2d(6).eval(), view(batch).requires_grad_()
    norm.running_var.uniform_(0.5, 2)
    slopes = torch.randn(x.shape)
    with exact_batchnorms(norm):
        found, *_ = torch.autograd.grad(norm(x), x, slopes)
    assert torch.allclose(found, slopes * (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None])


@pytest.mark.parametrize("kind", ["edge", "gin", "softmax"])
def test_one_image_is_explained_as_it_is_in_a_batch(kind):
    net, pixels = seeded_net(kind), seeded_pixels(2)
    both, alone = viz_nodes.explain(net, pixels), viz_nodes.explain(net, pixels[:1])
    for one, many in zip(alone.layers, both.layers, strict=True):
        assert torch.allclose(one.cam[0], many.cam[0], atol=1e-12)
        assert torch.allclose(one.contribution[0], many.contribution[0], atol=1e-12)


def test_the_gradient_is_that_of_small_differences():
    from viz_nodes.capture.model_state import eval_mode

    net, pixels = seeded_net("edge"), seeded_pixels(1)
    step = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0), dtype=pixels.dtype)
    with eval_mode(net):
        x = pixels.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(x)[0, 0], x)
        with torch.no_grad():
            change = (net(pixels + 1e-6 * step) - net(pixels - 1e-6 * step))[0, 0] / 2e-6
    assert float((gradient * step).sum()) == pytest.approx(float(change), rel=1e-5)


@pytest.mark.parametrize("stride", [1, 7777])
@pytest.mark.parametrize("shape", [(1, 6, 20, 1), (2, 6, 20, 1), (2, 6, 1, 20), (1, 6, 4, 5)])
def test_sides_of_one_may_have_any_stride(shape, stride):
    """As `unsqueeze` leaves them: torch then takes channels for rows also of several images."""

    def odd(tensor):
        tensor = tensor.contiguous(memory_format=torch.channels_last)
        strides = [stride if size == 1 else own for size, own in zip(shape, tensor.stride(), strict=True)]
        return tensor.as_strided(shape, strides)

    norm = nn.BatchNorm2d(6).double().eval()
    generator = torch.Generator().manual_seed(0)
    norm.running_var.uniform_(0.5, 2, generator=generator)
    values, slopes = torch.randn(2, *shape, dtype=torch.float64, generator=generator)
    expected = slopes * (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None]
    for own in (values, odd(values)):
        for gradient in (slopes, odd(slopes)):
            x = own.detach().requires_grad_()
            with exact_batchnorms(norm):
                found, *_ = torch.autograd.grad(norm(x), x, gradient)
            assert torch.allclose(found, expected, atol=1e-12)
