"""Which tensor of a raw output holds the logits, what makes probabilities of them, and the score made of any output."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pytorch_grad_cam.utils.model_targets import (
    ClassifierOutputTarget,
    RawScoresOutputTarget,
    SemanticSegmentationTarget,
)
from torch import nn

from viz_nodes.cams import BoxScore, ClassOver, Similarity, resolve
from viz_nodes.capture.outputs import read
from viz_nodes.capture.score import CUSTOM, Score, score_of

LOGITS = torch.tensor([[0.0, 3.0, 1.0], [5.0, 1.0, 4.0]])
FEATURES = torch.zeros(2, 7, 4, 4)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (LOGITS, ()),
        (LOGITS[:, :, None, None], ()),
        (LOGITS[:, 0], ()),
        ((LOGITS, FEATURES), (0,)),
        ([FEATURES, LOGITS], (1,)),
        ({"features": FEATURES, "classes": LOGITS}, ("classes",)),
        ({"logits": LOGITS, "embedding": torch.zeros(2, 9)}, ("logits",)),
        (SimpleNamespace(logits=LOGITS), ("logits",)),
        ({"head": [FEATURES, {"y": LOGITS}]}, ("head", 1, "y")),
    ],
)
def test_the_one_tensor_that_can_be_the_logits_is_taken(raw, path):
    reading = read(raw)
    assert reading.path == path
    expected = LOGITS[:, :1] if isinstance(raw, torch.Tensor) and raw.ndim == 1 else LOGITS
    assert torch.equal(reading.logits(raw), expected)


def test_several_tensors_that_could_be_the_logits_are_an_error_that_lists_them():
    raw = (torch.zeros(2, 64), LOGITS)
    with pytest.raises(TypeError, match=r"output\[0\] \(2, 64\), output\[1\] \(2, 3\); .*`output=1`"):
        read(raw).logits(raw)
    assert torch.equal(read(raw, output=1).logits(raw), LOGITS)
    assert torch.equal(read(raw, output=lambda out: out[1] * 2).logits(raw), LOGITS * 2)
    nested = {"a": raw}
    assert torch.equal(read(nested, output=("a", 1)).logits(nested), LOGITS)


@pytest.mark.parametrize("output", [5, "logits", ("a", "b")])
def test_a_part_that_is_not_there_is_an_error_that_lists_what_is(output):
    with pytest.raises(ValueError, match=r"no part of what the model returns.*with output\["):
        read({"a": [LOGITS]}, output=output)


DETECTED = {"boxes": torch.zeros(5, 4), "scores": torch.zeros(5)}


@pytest.mark.parametrize(
    "raw",
    [
        FEATURES,
        [FEATURES, FEATURES],
        None,
        torch.zeros(2, 3, dtype=torch.int64),
        [DETECTED],  # of one image (5, 4) looked like the logits of five
        [DETECTED, {**DETECTED, "masks": FEATURES}],
        DETECTED,
        {"pred_boxes": torch.zeros(2, 4)},
    ],
)
def test_an_output_without_logits_says_what_to_explain(raw):
    with pytest.raises(TypeError, match=r"callable on it, such as viz_nodes\.ClassOver"):
        read(raw).logits(raw)


@pytest.mark.parametrize(
    ("raw", "activation"),
    [
        (LOGITS, "softmax"),
        (LOGITS[:, :1], "sigmoid"),
        (LOGITS.softmax(1), "given"),
        (torch.tensor([[0.2, 0.9]]), "softmax"),
        (nn.Sigmoid()(LOGITS.clone().requires_grad_()), "given"),
        (LOGITS.clone().requires_grad_().softmax(1)[:, :, None, None], "given"),
    ],
)
def test_what_auto_means(raw, activation):
    assert read(raw).activation == activation


def test_activations_are_those_that_are_known():
    assert read(LOGITS, activation="none").activation == "none"
    with pytest.raises(ValueError, match="auto, softmax, sigmoid, none"):
        read(LOGITS, activation="relu")


def test_a_score_reads_later_outputs_of_other_sizes():
    score = resolve("top2", {"y": LOGITS, "z": FEATURES}, versus=2)
    assert score({"y": LOGITS, "z": FEATURES}).tolist() == [2, 0, 1, 0]
    lines = {"y": torch.arange(9.0).view(3, 3), "z": None}
    assert score(lines, torch.tensor([3, 0, 2])).tolist() == [0, 4 - 5, 6 - 8]
    assert score.row(1)({"y": LOGITS[:1]}).tolist() == [0]


def test_probability_follows_the_activation():
    score = resolve(1, LOGITS)
    torch.testing.assert_close(score.probability(LOGITS), LOGITS.softmax(1)[:, 1])
    one = resolve(0, LOGITS[:, :1])
    torch.testing.assert_close(one.probability(LOGITS[:, :1]), LOGITS[:, 0].sigmoid())
    plain = resolve(2, LOGITS, reading=read(LOGITS, activation="none"))
    assert plain.probability(LOGITS).tolist() == [1, 4]
    undecided = Score(torch.tensor([1]), torch.tensor([0]))
    torch.testing.assert_close(undecided.probability(LOGITS[:1]), LOGITS[:1].softmax(1)[:, 1])


def test_a_callable_gets_the_raw_output():
    raw = (FEATURES + torch.arange(2.0)[:, None, None, None], LOGITS)
    score = resolve(lambda out: out[0].mean((1, 2, 3)) + 10, raw, reading=read(raw), images=2)
    assert score.index.tolist() == [CUSTOM, CUSTOM]
    assert score(raw).tolist() == [10, 11]
    again = (raw[0][[1, 1, 0]], LOGITS[[1, 1, 0]])
    assert score(again, torch.tensor([1, 1, 0])).tolist() == [11, 11, 10]


def test_each_image_may_have_a_callable_of_its_own():
    raw = [{"scores": torch.tensor([1.0, 2.0])}, {"scores": torch.tensor([5.0])}]
    targets = [lambda out: out[0]["scores"][:1], lambda out: out[0]["scores"].sum()[None] * 2]
    score = resolve(targets, raw, reading=read(raw), images=2)
    assert score(raw).tolist() == [1, 10]
    assert score([raw[1], raw[0]], torch.tensor([1, 0])).tolist() == [10, 1]


def test_targets_of_grad_cam_get_one_image_each():
    assert resolve(ClassifierOutputTarget(2), LOGITS).index.tolist() == [2, 2]
    dense = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    target = SemanticSegmentationTarget(1, np.array([[1, 0], [0, 1]], np.float32))
    score = resolve(target, dense, reading=read(dense), images=2)
    assert score(dense).tolist() == [4 + 7, 16 + 19]
    packed = {"out": dense}
    named = resolve(target, packed, reading=read(packed, output="out"), images=2)
    assert named(packed).tolist() == [11, 35]


def test_a_class_over_a_region_by_hand():
    dense = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    over = ClassOver(1, np.array([[1, 1], [0, 0]]))
    assert over(dense).tolist() == [4.5, 16.5]
    assert over.words == "class 1 over 50\N{NO-BREAK SPACE}% of the image"
    assert ClassOver(1, box=(0.5, 0, 1, 1))(dense).tolist() == [6, 18]
    # A quarter of the left column, and all of the right one.
    assert ClassOver(0, box=(0.375, 0, 1, 1), output="out")({"out": dense}).tolist() == pytest.approx([1.8, 13.8])
    large = torch.zeros(4, 4)
    large[:2, 2:] = 1
    assert ClassOver(2, large)(dense).tolist() == [9, 21]
    for wrong in (
        lambda: ClassOver(0),
        lambda: ClassOver(0, torch.zeros(2, 2)),
        lambda: ClassOver(0, box=(1, 0, 0, 1)),
    ):
        with pytest.raises(ValueError, match=r"mask|box"):
            wrong()
    with pytest.raises(ValueError, match=r"\(B, classes, H, W\)"):
        over(LOGITS)
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        ClassOver(3, box=(0, 0, 1, 1))(dense)


def test_a_box_that_is_found_scores_its_overlap_and_its_probability():
    found = [
        {
            "boxes": torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]),
            "labels": torch.tensor([1, 2]),
            "scores": torch.tensor([0.75, 0.5], requires_grad=True),
        }
    ]
    assert BoxScore([1], [[0, 0, 10, 10]])(found).tolist() == [1.75]
    assert BoxScore([2], [[0, 0, 10, 10]])(found).tolist() == [0]
    assert BoxScore([1, 2], [[0, 0, 10, 5.1], [20, 20, 30, 30]])(found).tolist() == pytest.approx([0.51 + 0.75 + 1.5])
    assert BoxScore([1, 2], np.zeros((2, 4))).words == "2 boxes of class 1, 2"
    with pytest.raises(ValueError, match="each of the 2 boxes"):
        BoxScore([1], np.zeros((2, 4)))
    with pytest.raises(ValueError, match="list with a mapping"):
        BoxScore([1], np.zeros((1, 4)))(LOGITS)


def test_similarity_is_the_cosine():
    like = Similarity(torch.tensor([0.0, 2.0, 0.0]))
    torch.testing.assert_close(like(LOGITS), torch.tensor([3 / 10**0.5, 1 / 42**0.5]))
    assert Similarity(torch.ones(3), output="z")({"z": torch.ones(1, 3)}).item() == pytest.approx(1)
    with pytest.raises(ValueError, match=r"an embedding \(B, 4\)"):
        Similarity(torch.ones(4))(LOGITS)


def test_words_of_what_is_explained():
    def tumor_size(out):
        return out[:, 0]

    raw = LOGITS
    targets = [tumor_size, Similarity(torch.ones(3))]
    assert [resolve(targets, raw).words(row) for row in (0, 1)] == ["tumor size", "similarity to a reference"]
    assert resolve(lambda out: out[:, 0], raw).words(0) == "custom target"
    assert resolve(1, raw).words(0) == ""


def test_one_number_an_image_is_asked_of_every_callable():
    with pytest.raises(ValueError, match="one score for each of 2 images"):
        resolve(lambda out: out, LOGITS)(LOGITS)
    with pytest.raises(ValueError, match="one number an image"):
        resolve(RawScoresOutputTarget(), LOGITS)(LOGITS)


def test_an_explanation_read_from_a_file_scores_its_classes(tmp_path, make_net, make_pixels):
    import viz_nodes

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = make_net(depth=1)

        def forward(self, x):
            logits = self.net(x)
            return logits * 0, logits

    pixels = make_pixels()
    exp = viz_nodes.explain(Pair(), pixels, output=1, versus=0, target=[3, 1])
    exp.save(tmp_path)
    back = score_of(viz_nodes.Explanation.load(tmp_path))
    raw = Pair()(pixels)
    assert torch.equal(back(raw), raw[1][[0, 1], [3, 1]] - raw[1][:, 0])
    custom = viz_nodes.explain(Pair(), pixels, target=lambda out: out[1].sum(1))
    assert torch.equal(score_of(custom)(raw), raw[1].sum(1))
    custom.save(tmp_path)
    with pytest.raises(ValueError, match="callable"):
        score_of(viz_nodes.Explanation.load(tmp_path))


def heads(width=6):
    torch.manual_seed(0)
    return nn.Linear(4, width)(torch.randn(3, 4)), nn.Linear(4, width)(torch.randn(3, 4))


@pytest.mark.parametrize(
    ("output", "activation"),
    [
        (lambda a, b: a, "softmax"),
        (lambda a, b: a * b.sigmoid(), "softmax"),
        (lambda a, b: a.log_softmax(1), "softmax"),
        (lambda a, b: -torch.cdist(a, b[:5]), "softmax"),
        (lambda a, b: a.softmax(1), "given"),
        (lambda a, b: a.sigmoid(), "given"),
        (lambda a, b: a.sigmoid() * b.sigmoid(), "given"),
        (lambda a, b: a.sigmoid().clamp(1e-6, 1 - 1e-6), "given"),
        (lambda a, b: (a.sigmoid() + b.sigmoid()) / 2, "given"),
        (lambda a, b: (a.softmax(1) + b.softmax(1)) / 2, "given"),
        (lambda a, b: torch.stack([a.softmax(1), b.softmax(1)]).mean(0), "given"),
        (lambda a, b: a.softmax(1) * 100, "none"),
        (lambda a, b: nn.functional.softplus(a) + 1, "none"),
        (lambda a, b: a.tanh(), "none"),
        (lambda a, b: a.exp(), "none"),
        (lambda a, b: a.log_softmax(1).exp(), "given"),
        (lambda a, b: nn.functional.logsigmoid(a), "none"),
        (lambda a, b: torch.cdist(a, b[:5]), "none"),
        (lambda a, b: a[:, :1], "sigmoid"),
        (lambda a, b: a[:, 0], "sigmoid"),
        (lambda a, b: a[:, :1].sigmoid(), "given"),
        (lambda a, b: (a[:, :1].sigmoid() + b[:, :1].sigmoid()) / 2, "given"),
        (lambda a, b: a[:, :1].relu(), "none"),
        (lambda a, b: a[:, :1].tanh() * 50 + 50, "none"),
        (lambda a, b: a[:, :1].softmax(1), "none"),
    ],
)
def test_percentages_are_said_of_probabilities_alone_and_no_sigmoid_is_taken_twice(output, activation):
    assert read(output(*heads())).activation == activation


def test_a_single_output_that_is_no_logit_is_pointed_out():
    with pytest.warns(UserWarning, match="if it is a logit, say activation='sigmoid'"):
        assert read(heads(1)[0] + 37).activation == "none"
    assert read(heads(1)[0] + 37, activation="sigmoid").activation == "sigmoid"


@dataclass
class Answer:
    scores: torch.Tensor
    embedding: torch.Tensor | None = None


def test_what_an_object_holds_is_read_as_a_mapping_is():
    assert read(Answer(LOGITS)).path == ("scores",)
    assert read(SimpleNamespace(pred=LOGITS)).path == ("pred",)
    with pytest.raises(TypeError, match=r"output\['scores'\] \(2, 3\), output\['embedding'\] \(2, 4\)"):
        read(Answer(LOGITS, torch.zeros(2, 4)), output=None).logits(Answer(LOGITS, torch.zeros(2, 4)))


def test_a_target_gets_the_lines_of_its_image_of_an_object():
    functions = (None, lambda answer: answer.scores[:, 1])
    score = Score(torch.tensor([0, CUSTOM]), torch.tensor([0, 1]), None, functions)
    assert score(Answer(LOGITS)).tolist() == [0.0, 1.0]
