"""Networks in wrappers are those inside them, with their class names; what cannot be watched says what to give."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import seeded_net, seeded_pixels


class Lit(nn.Module):
    """As a LightningModule wraps a network, beside its loss."""

    def __init__(self, network):
        super().__init__()
        self.network, self.criterion = network, nn.CrossEntropyLoss()

    def forward(self, batch):
        return self.network(batch)


def averaged(net):
    return torch.optim.swa_utils.AveragedModel(net)


def timm_average(net):
    from timm.utils import ModelEmaV2

    return ModelEmaV2(net)  # has no forward of its own


@pytest.mark.parametrize("wrap", [Lit, averaged, timm_average, lambda net: nn.DataParallel(averaged(net))])
def test_wrappers_keep_the_class_names_of_what_they_wrap(wrap):
    net, pixels = seeded_net(depth=1), seeded_pixels(1)
    net.pretrained_cfg = {"label_names": ("a", "b", "c", "d", "e")}
    plain = viz_nodes.explain(net, pixels)
    exp = viz_nodes.explain(wrap(net).eval(), pixels)
    assert exp.labels == ("a", "b", "c", "d", "e")
    assert torch.equal(exp.layers[0].cam, plain.layers[0].cam)
    assert viz_nodes.explain(wrap(net).eval(), pixels, target="c").target.tolist() == [2]


def test_names_of_another_number_of_classes_are_not_taken():
    class Head(Lit):
        def forward(self, batch):
            return self.network(batch)[:, :3]

    net = seeded_net(depth=1)
    net.pretrained_cfg = {"label_names": ("a", "b", "c", "d", "e")}
    assert viz_nodes.explain(Head(net).eval(), seeded_pixels(1)).labels is None


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore::torch.jit.TracerWarning")
def test_traced_and_exported_networks_say_what_to_give_instead():
    net, pixels = seeded_net(depth=1), seeded_pixels(1)
    exported = torch.export.export(net, (pixels,))
    for made in (torch.jit.trace(net, pixels, check_trace=False), exported.module(), exported):
        with pytest.raises(TypeError, match="give the module that it was made from"):
            viz_nodes.explain(made, pixels)
    with pytest.raises(TypeError, match="load_state_dict"):
        viz_nodes.explain(net.state_dict(), pixels)
    with pytest.raises(TypeError, match="load_model"):
        viz_nodes.explain("model.onnx", pixels)
