"""What a user may write as a target, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from viz_nodes.cams import objective, resolve

LOGITS = torch.tensor([[0.0, 3.0, 1.0, 2.0], [5.0, 1.0, 4.0, 2.0]])
LABELS = ("tench, Tinca tinca", "crane", "Great White shark, man-eater", "crane")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, [1, 0]),
        (2, [2, 2]),
        (np.int64(3), [3, 3]),
        (torch.tensor(3), [3, 3]),
        ("2", [2, 2]),
        ("great white SHARK", [2, 2]),
        ("Tench,  tinca tinca", [0, 0]),
        (["tinca tinca", 3], [0, 3]),
        ([None, 1], [1, 1]),
        (torch.tensor([3, 2]), [3, 2]),
        (np.array([0, 1]), [0, 1]),
        ((3, None), [3, 0]),
    ],
)
def test_classes_are_found(target, expected):
    found = resolve(target, LOGITS, LABELS)
    assert found.index.tolist() == expected
    assert found.index.dtype == torch.int64
    assert found.source.tolist() == [0, 1]
    assert found(LOGITS).tolist() == [LOGITS[row, index] for row, index in enumerate(expected)]


def test_labels_made_of_digits_come_before_indices():
    digits = ("3", "2", "1", "0")
    assert resolve("3", LOGITS, digits).index.tolist() == [0, 0]


def test_top3_gives_three_rows_an_image_best_first():
    found = resolve("top3", LOGITS)
    assert found.index.tolist() == [1, 3, 2, 0, 2, 3]
    assert found.source.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.per_image == 3
    assert [rows.tolist() for rows in found.rounds] == [[0, 3], [1, 4], [2, 5]]
    assert found(LOGITS).tolist() == [3, 2, 1, 5, 4, 2]


def test_versus_is_subtracted():
    found = resolve(None, LOGITS, LABELS, versus="great white shark")
    assert found.versus.tolist() == [2, 2]
    assert found(LOGITS).tolist() == [2, 1]
    assert resolve("top2", LOGITS, versus=[0, 1]).versus.tolist() == [0, 0, 1, 1]


def test_callables_get_lines_of_logits():
    found = resolve(lambda logits: logits[:, 1] * 10, LOGITS)
    assert found.index.tolist() == [-1, -1]
    assert found(LOGITS).tolist() == [30, 10]
    mixed = resolve([lambda logits: -logits.sum(1), 2], LOGITS)
    assert mixed.index.tolist() == [-1, 2]
    assert mixed(LOGITS).tolist() == [-6, 4]


def test_scores_of_chosen_rows_take_one_line_each():
    found = resolve([3, lambda logits: logits[:, 0] + 100], LOGITS)
    lines = torch.arange(12.0).reshape(3, 4)
    assert found(lines, torch.tensor([1, 0, 1])).tolist() == [100, 7, 108]


def test_scores_can_be_differentiated():
    logits = LOGITS.clone().requires_grad_()
    resolve("top2", LOGITS, versus=1)(logits).sum().backward()
    assert logits.grad.tolist() == [[0, -1, 0, 1], [1, -2, 1, 0]]


@pytest.mark.parametrize("target", [[1], [1, 2, 3], torch.tensor([1]), ["crane"], []])
def test_a_length_mismatch_is_an_error(target):
    with pytest.raises(ValueError, match="each of the 2 images"):
        resolve(target, LOGITS, LABELS)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (4, r"\[0, 4\)"),
        (-1, r"\[0, 4\)"),
        ("7", r"\[0, 4\)"),
        ("tensch", "did you mean"),
        ("shark", "Great White shark, man-eater"),
        ("crane", r"2 classes, \[1, 3\]"),
        ("top0", "1 to 4"),
        ("top9", "1 to 4"),
        (["top2", 1], "is none of"),
    ],
)
def test_wrong_values_are_refused(target, message):
    with pytest.raises(ValueError, match=message):
        resolve(target, LOGITS, LABELS)


@pytest.mark.parametrize("target", [1.5, True, {"a": 1}, [True, False], [1.0, 2]])
def test_wrong_kinds_are_refused(target):
    with pytest.raises(TypeError):
        resolve(target, LOGITS, LABELS)


def test_a_label_without_known_labels_says_what_to_give():
    with pytest.raises(ValueError, match="class names are not known"):
        resolve("tench", LOGITS)


def test_callables_that_do_not_score_each_line_are_refused():
    with pytest.raises(ValueError, match="one score for each"):
        resolve(lambda logits: logits, LOGITS)(LOGITS)
    with pytest.raises(TypeError, match="must return a tensor"):
        resolve(lambda logits: 3.0, LOGITS)(LOGITS)
    with pytest.raises(TypeError, match="versus"):
        resolve(1, LOGITS, versus=lambda logits: logits)


def test_finercam_compares_with_the_nearest_classes():
    logits = LOGITS.clone()
    found = objective("finercam", resolve(None, logits, versus=3), logits)
    torch.testing.assert_close(found, torch.tensor([1.0, 3.0]))
    with pytest.raises(ValueError, match="must be a class"):
        objective("finercam", resolve(lambda lines: lines[:, 0], logits), logits)
