"""Every method gives, from captured tensors, the map that pytorch-grad-cam gives when it runs the network itself."""

from __future__ import annotations

import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from viz_nodes import cams
from viz_nodes.cams.perturbation import zeroing_layer

CLASSES = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "layercam": "LayerCAM",
    "hirescam": "HiResCAM",
    "gradcam_elementwise": "GradCAMElementWise",
    "shapleycam": "ShapleyCAM",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
    "segeigencam": "SegEigenCAM",
    "kpcacam": "KPCA_CAM",
    "fem": "FEM",
}


class SmallNet(nn.Module):
    """Twice differentiable, a 5 x 6 grid at the watched layer."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.GELU())
        self.watched = nn.Conv2d(6, 8, 1)
        self.rest = nn.Sequential(
            nn.GELU(), nn.Conv2d(8, 8, 3, padding=1), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
        )

    def forward(self, pixels):
        return self.rest(self.watched(self.front(pixels)))


@pytest.fixture
def net():
    torch.manual_seed(3)
    return SmallNet().eval()


@pytest.fixture
def pixels():
    return torch.randn(2, 3, 10, 12, generator=torch.Generator().manual_seed(4))


def captured(net, pixels, method="gradcam", target=(3, 0), create_graph=False):
    activations = net.watched(net.front(pixels))
    logits = net.rest(activations)
    score = cams.resolve(list(target) if target is not None else None, logits)
    values = cams.objective(method, score, logits)
    (gradients,) = torch.autograd.grad(values.sum(), activations, create_graph=create_graph)
    return activations, gradients, score


def as_gradcam_shows(cam, pixels):
    """Grad-cam resizes and scales to 0..1 a layer's map, and then again the mean over its layers."""
    size = (pixels.shape[3], pixels.shape[2])
    return scale_cam_image(scale_cam_image(cam.numpy(), size))


@pytest.mark.parametrize("name", CLASSES)
def test_map_equals_gradcam_run_the_ordinary_way(net, pixels, name):
    activations, gradients, _ = captured(net, pixels, create_graph=name == "shapleycam")
    ours = cams.cam(name, activations, gradients)
    with getattr(pytorch_grad_cam, CLASSES[name])(net, [net.watched]) as reference:
        theirs = reference(pixels, [ClassifierOutputTarget(3), ClassifierOutputTarget(0)])
    assert ours.shape == (2, 5, 6)
    assert ours.max() > 0
    torch.testing.assert_close(
        torch.from_numpy(as_gradcam_shows(ours, pixels)), torch.from_numpy(theirs), atol=2e-5, rtol=0
    )


def test_finercam_equals_gradcam_run_the_ordinary_way(net, pixels):
    ours = cams.cam("finercam", *captured(net, pixels, "finercam", target=None)[:2])
    with pytorch_grad_cam.FinerCAM(net, [net.watched]) as reference:
        theirs = reference(pixels)
    torch.testing.assert_close(
        torch.from_numpy(as_gradcam_shows(ours, pixels)), torch.from_numpy(theirs), atol=2e-5, rtol=0
    )
    plain = cams.cam("gradcam", *captured(net, pixels, target=None)[:2])
    assert (plain / plain.max() - ours / ours.max()).abs().max() > 0.05


def test_ablationcam_equals_gradcam_run_the_ordinary_way(net, pixels):
    activations, _, score = captured(net, pixels)
    ours = cams.cam("ablationcam", activations, forward=lambda a, rows: net.rest(a), score=score, batch_size=3)
    reference = pytorch_grad_cam.AblationCAM(net, [net.watched], ablation_layer=zeroing_layer(), batch_size=3)
    scores = net(pixels)[[0, 1], [3, 0]]
    for row, category in enumerate((3, 0)):
        theirs = reference.get_cam_image(
            pixels[row : row + 1],
            net.watched,
            [ClassifierOutputTarget(category)],
            activations[row : row + 1].detach().numpy(),
            None,
        )
        expected = (torch.from_numpy(theirs)[0] * scores[row].sign()).clamp(min=0)
        torch.testing.assert_close(ours[row], expected.detach(), atol=1e-5, rtol=1e-4)


def test_ablationcam_weighs_channels_by_the_fall_of_the_score_without_them(net, pixels):
    activations, _, score = captured(net, pixels[:1], target=(3,))
    ours = cams.cam("ablationcam", activations, forward=lambda a, rows: net.rest(a), score=score)
    whole = net.rest(activations)[0, 3]
    expected = torch.zeros(5, 6)
    for channel in range(8):
        without = activations.detach().clone()
        without[:, channel] = 0
        expected += (whole - net.rest(without)[0, 3]).detach() / whole.detach().abs() * activations[0, channel].detach()
    torch.testing.assert_close(ours[0], expected.clamp(min=0), atol=1e-5, rtol=1e-4)
    assert ours.max() > 0


def test_scorecam_equals_gradcam_on_the_rest_of_the_network(net, pixels):
    activations, _, score = captured(net, pixels)
    ours = cams.cam("scorecam", activations, forward=lambda a, rows: net.rest(a), score=score, batch_size=3)
    rest = nn.Sequential(nn.Identity(), net.rest)
    with pytorch_grad_cam.ScoreCAM(rest, [rest[0]]) as reference:
        theirs = reference(activations.detach(), [ClassifierOutputTarget(3), ClassifierOutputTarget(0)])
    torch.testing.assert_close(
        torch.from_numpy(as_gradcam_shows(ours, activations)), torch.from_numpy(theirs), atol=2e-5, rtol=0
    )


def test_node_ablation_is_the_fall_of_the_logit_without_the_node(net, pixels):
    activations, _, score = captured(net, pixels)
    asked = []

    def forward(changed, rows):
        asked.append(len(rows))
        return net.rest(changed)

    ours = cams.cam("node_ablation", activations, forward=forward, score=score, batch_size=7, progress=False)
    without = activations.detach().clone()
    without[1, :, 4, 2] = 0
    fall = net.rest(activations)[1, 0] - net.rest(without)[1, 0]
    torch.testing.assert_close(ours[1, 4, 2], fall.clamp(min=0).detach(), atol=1e-6, rtol=1e-5)
    assert ours.max() > 0
    assert sum(asked) == 2 * (30 + 1)
    assert max(asked) == 7


def test_forwards_say_which_row_they_are_for(net, pixels):
    activations, _, _ = captured(net, pixels)
    score = cams.resolve("top3", net.rest(activations))
    rows_seen = set()

    def forward(changed, rows):
        rows_seen.update(rows.tolist())
        return net.rest(changed)

    many = activations[score.source]
    cams.cam("scorecam", many, forward=forward, score=score)
    assert rows_seen == set(range(6))


def test_gradcam_in_float64_is_exact(net, pixels):
    activations, gradients, _ = captured(net.double(), pixels.double())
    ours = cams.cam("gradcam", activations, gradients)
    assert ours.dtype == torch.float64
    expected = (gradients.mean((2, 3), keepdim=True) * activations).sum(1).clamp(min=0).detach()
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "name", ["layercam", "hirescam", "gradcam++", "xgradcam", "gradcam_elementwise", "fem", "shapleycam"]
)
def test_methods_without_projection_keep_float64(net, pixels, name):
    double = captured(net.double(), pixels.double(), create_graph=name == "shapleycam")[:2]
    ours = cams.cam(name, *double)
    assert ours.dtype == torch.float64
    single = cams.cam(name, *captured(net.float(), pixels, create_graph=name == "shapleycam")[:2])
    assert single.dtype == torch.float32
    torch.testing.assert_close(ours, single.double(), rtol=1e-3, atol=1e-4)
    assert not torch.equal(ours, ours.float().double())


@pytest.mark.parametrize("name", sorted(set(cams.METHODS) - {"eigengradcam", "segeigencam"}))
def test_a_batch_is_its_images_one_by_one(net, pixels, name):
    def made(some, target):
        activations, gradients, score = captured(net, some, name, target, create_graph=name == "shapleycam")
        return cams.cam(name, activations, gradients, **needed(net, name, score))

    together = made(pixels, (3, 0))
    for row, target in enumerate((3, 0)):
        alone = made(pixels[row : row + 1], (target,))[0]
        torch.testing.assert_close(together[row], alone, rtol=1e-3, atol=1e-4 * float(alone.max()))


def needed(net, name, score):
    if cams.METHODS[name].needs != "forwards":
        return {}
    return {"forward": lambda a, rows: net.rest(a), "score": score}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    activations, gradients = torch.rand(1, 4, 3, 3).to(dtype), torch.rand(1, 4, 3, 3).to(dtype)
    ours = cams.cam("gradcam", activations, gradients)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, cams.cam("gradcam", activations.float(), gradients.float()))


def test_no_positive_evidence_leaves_a_blank_map_without_peak():
    activations, gradients = torch.rand(2, 4, 3, 3), -torch.rand(2, 4, 3, 3)
    gradients[1] *= -1
    ours = cams.cam("gradcam", activations, gradients)
    assert torch.equal(ours[0], torch.zeros(3, 3))
    assert cams.peak(ours).tolist() == [-1, int(ours[1].argmax())]
    assert cams.peak(ours).dtype == torch.int64


def test_only_shapleycam_needs_the_graph_and_says_so():
    plain = torch.rand(1, 2, 3, 3)
    with pytest.raises(ValueError, match="create_graph"):
        cams.cam("shapleycam", plain, plain)


def test_shapleycam_leaves_the_graph_for_the_next_layer(net, pixels):
    early = net.front(pixels).requires_grad_()
    late = net.watched(early)
    score = net.rest(late)[:, 2].sum()
    gradients = torch.autograd.grad(score, [late, early], create_graph=True)
    made = [cams.METHODS["shapleycam"](tensor, grad) for tensor, grad in zip((late, early), gradients)]
    assert all(one.shape == (2, 5, 6) and one.abs().max() > 0 for one in made)


def test_values_that_are_not_finite_are_refused():
    activations = torch.rand(2, 2, 3, 3)
    activations[1, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"rows \[1\]"):
        cams.cam("gradcam", activations, torch.rand(2, 2, 3, 3))


def test_shapes_and_missing_tensors_are_named():
    with pytest.raises(ValueError, match="needs gradients"):
        cams.cam("gradcam", torch.rand(1, 2, 3, 3))
    with pytest.raises(ValueError, match=r"\(1, 2, 3, 4\)"):
        cams.cam("layercam", torch.rand(1, 2, 3, 3), torch.rand(1, 2, 3, 4))
    with pytest.raises(ValueError, match=r"\(B, C, H, W\)"):
        cams.cam("eigencam", torch.rand(2, 3, 3))
    with pytest.raises(ValueError, match="`forward` and `score`"):
        cams.cam("scorecam", torch.rand(1, 2, 3, 3))


@pytest.mark.parametrize("written", ["GradCAM", "grad-cam", "Grad_CAM"])
def test_names_are_found_whatever_their_spelling(written):
    assert cams.lookup(written).name == "gradcam"


def test_unknown_names_answer_with_near_matches():
    with pytest.raises(ValueError, match="did you mean gradcam"):
        cams.lookup("gradcan")
    with pytest.raises(ValueError, match="choose from gradcam, "):
        cams.lookup("qqqq")
    with pytest.raises(ValueError, match="biases of all layers"):
        cams.lookup("FullGrad")
    with pytest.raises(TypeError):
        cams.lookup(3)


def test_every_method_says_in_a_line_what_it_does():
    assert all(len(method.summary) > 20 for method in cams.METHODS.values())


def test_no_hooks_are_left_on_the_network(net, pixels):
    activations, gradients, score = captured(net, pixels, create_graph=True)
    for name in cams.METHODS:
        cams.cam(name, activations, gradients, **needed(net, name, score))
    assert all(not m._forward_hooks and not m._backward_hooks and not m._forward_pre_hooks for m in net.modules())
