from dataclasses import replace

import numpy as np
import pytest
import torch

from viz_nodes.cams import METHODS
from viz_nodes.draw.figures import figure, panel
from viz_nodes.draw.geometry.selection import choose_centers, ego_of
from viz_nodes.draw.style.captions import (
    SEPARATOR,
    WORDS,
    layer_words,
    method_words,
    number,
    percent,
    plain,
    target_words,
)
from viz_nodes.draw.style.fonts import text_width
from viz_nodes.draw.style.wrapping import shortened, wrap
from viz_nodes.draw.wording import edges_words
from viz_nodes.explanation import Explanation


def spaced(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(("fraction", "words"), WORDS["cases"]["percent"])
def test_percent_never_rounds_to_a_false_zero_or_hundred(fraction, words):
    assert percent(np.nan if fraction is None else fraction) == words


@pytest.mark.parametrize(("value", "words"), WORDS["cases"]["number"])
def test_numbers_have_at_most_three_digits(value, words):
    assert number(np.nan if value is None else value) == words


def test_signed_numbers_say_plus_but_not_of_zero():
    assert [number(value, signed=True) for value in (0.25, -0.25, 0.0)] == ["+0.25", "−0.25", "0"]


def test_every_method_has_a_name_of_its_own_in_the_table():
    assert set(METHODS) <= set(WORDS["methods"])
    assert method_words("somebody's own") == "somebody's own"


def test_control_characters_and_lone_surrogates_are_shown_as_escapes():
    assert plain("a\nb\x00\udc80\u202ec") == "a\\nb\\x00\\udc80\\u202ec"
    assert plain("$x_1$ Katze 猫") == "$x_1$ Katze 猫"


def test_wrapped_lines_fit_and_lose_no_word():
    words = "layer 4 of 12 · tabby cat 62 % · Grad-CAM · 9 of 17 neighbors drawn, 61 % of the channels"
    lines = wrap(words, 100.0, 7.0).split("\n")
    assert len(lines) > 2
    assert all(text_width(line, 7.0) <= 100.0 for line in lines)
    assert "".join(words.split()) == "".join("".join(lines).split())


def test_a_word_longer_than_the_line_is_broken_inside():
    lines = wrap("a" * 90, 60.0, 7.0).split("\n")
    assert len(lines) > 3
    assert all(text_width(line, 7.0) <= 60.0 for line in lines)
    assert "".join(lines) == "a" * 90


def test_shortened_text_ends_in_an_ellipsis_and_fits():
    assert shortened("short", 100.0, 7.0) == "short"
    cut = shortened("a rather long name of a class", 50.0, 7.0)
    assert cut.endswith("…")
    assert text_width(cut, 7.0) <= 50.0


def test_characters_the_font_lacks_count_as_squares():
    assert text_width("猫", 10.0) == pytest.approx(10.0)


def test_target_words_name_the_contrast(make_explanation):
    exp = make_explanation(versus=1)
    first, second = (100 * float(exp.probabilities[0, i]) for i in (0, 1))
    assert spaced(target_words(exp, 0)) == f"tabby cat {first:.0f} % rather than tiger cat {second:.0f} %"


def test_edges_words_count_what_is_drawn_and_what_it_carries(make_explanation):
    exp = make_explanation(k=17)
    ego = ego_of(exp, 3, 100, k=9, order="rank")
    share = exp.layer(3).share[0, 100]
    own = int((exp.layer(3).neighbors[0, 100] == 100).nonzero()[0])
    assert own == 0
    expected = (
        f"9 of 17 neighbors drawn, {percent(float(share[:9].sum()))} of the channels; "
        f"ring: the center itself, {percent(float(share[0]))}"
    )
    assert edges_words([ego]) == expected
    strongest = exp.layer(3).contribution[0, 100].abs().argsort(descending=True)[:9]
    expected = (
        "9 of 17 neighbors drawn, the largest by contribution, "
        f"{percent(float(share[strongest].sum()))} of the channels; "
        f"ring: the center itself, {percent(float(share[0]))}"
    )
    assert own in strongest
    assert edges_words([ego_of(exp, 3, 100, k=9)]) == expected


def test_edges_words_when_nothing_is_hidden_or_nothing_is_there(make_explanation):
    exp = make_explanation(k=9, self_first=False)
    assert edges_words([ego_of(exp, 3, 100, k="all")]) == "all 9 neighbors drawn"
    assert edges_words([]) == "no positive evidence"
    exp.layer(3).neighbors[0, 100] = -1
    assert edges_words([ego_of(exp, 3, 100)]) == "no neighbors"


def test_neighbors_by_share_are_those_that_win_most(make_explanation):
    exp = make_explanation(k=17)
    ego = ego_of(exp, 7, 90, k=5, order="share")
    share = exp.layer(7).share[0, 90].numpy()
    np.testing.assert_allclose(np.sort(ego.share), np.sort(share)[-5:])
    assert (np.diff(ego.ranks) > 0).all()


def test_missing_neighbors_are_not_counted(make_explanation):
    exp = make_explanation(k=9)
    exp.layer(3).neighbors[0, 50, 6:] = -1
    ego = ego_of(exp, 3, 50, k="all")
    assert ego.total == 6
    assert list(ego.ranks) == [0, 1, 2, 3, 4, 5]


def test_centers_by_node_by_place_and_by_list(make_explanation):
    layer = make_explanation().layer(3)
    assert choose_centers(layer, 0, None) == [int(layer.peak[0])]
    assert choose_centers(layer, 0, (2, 3)) == [31]
    assert choose_centers(layer, 0, [5, (0, 1)]) == [5, 1]
    assert choose_centers(layer, 0, [(0.5, 0.25), (1.0, 1.0), (0.0, 1.0)]) == [3 * 14 + 7, 195, 182]
    layer.peak[0] = -1
    assert choose_centers(layer, 0, None) == []
    with pytest.raises(ValueError, match=r"\[0, 196\)"):
        choose_centers(layer, 0, 196)
    with pytest.raises(ValueError, match="row, col"):
        choose_centers(layer, 0, (14, 0))


@pytest.mark.parametrize("k", [0, -1, 2.5, "many", True])
def test_an_impossible_number_of_neighbors_is_refused(make_explanation, k):
    with pytest.raises(ValueError, match="positive number"):
        ego_of(make_explanation(), 3, 10, k=k)


def test_two_hops_draw_the_heaviest_edges_of_the_layer_before(make_explanation):
    exp = make_explanation(layers=(6, 7), k=9)
    ego = ego_of(exp, 7, 100, k=9, hops=2, far=10)
    (hop,) = ego.earlier
    assert hop.layer.index == 6
    assert len(hop.senders) == 10
    assert set(hop.receivers) <= set(ego.keys)
    share = {int(key): float(value) for key, value in zip(exp.layer(7).neighbors[0, 100], exp.layer(7).share[0, 100])}
    everything = sorted((share[j] * float(s) for j in share for s in exp.layer(6).share[0, j]), reverse=True)
    np.testing.assert_allclose(np.sort(hop.weight)[::-1], everything[:10], rtol=1e-5)
    assert "layer 7: 10 of " in edges_words([ego])


def test_a_hop_whose_layer_was_not_explained_is_an_error(make_explanation):
    with pytest.raises(IndexError, match="not explained"):
        ego_of(make_explanation(layers=(3, 7)), 7, 100, hops=2)


def test_the_separator_never_begins_a_line():
    words = SEPARATOR.join(["layer 4 of 12", "tabby cat", "Grad-CAM", "9 of 17 neighbors drawn"])
    for width in range(60, 200, 7):
        assert all(not line.strip().startswith("·") for line in wrap(words, width, 7.0).split("\n"))


def test_a_name_that_ends_in_a_number_does_not_run_into_the_probability(make_explanation):
    exp = make_explanation(labels=("digit 5", "b", "c"))
    assert spaced(target_words(exp, 0)) == f"digit 5, {100 * float(exp.probabilities[0, 0]):.0f} %"


def test_the_neighbors_picture_has_no_ring_and_says_so_otherwise(make_explanation):
    words = edges_words([ego_of(make_explanation(k=9), 3, 100)], "among them the center itself")
    assert "ring" not in words
    assert "among them the center itself" in words


@pytest.mark.parametrize(("height", "ranks", "numbered"), [(224, True, True), (60, True, False), (224, False, False)])
def test_the_key_speaks_of_numbers_only_where_they_are_drawn(make_explanation, height, ranks, numbered):
    fig = figure(make_explanation(), np.zeros((height, 224, 3), np.uint8), ranks=ranks)
    assert (
        any("numbers: by size of contribution" in " ".join(text.get_text().split()) for text in fig.texts) == numbered
    )
    assert any(text.get_text().isdigit() for ax in fig.axes if ax.get_xlim()[1] == 224 for text in ax.texts) == numbered


def test_an_explanation_shows_itself_in_a_few_words(make_explanation):
    exp = make_explanation()
    assert len(repr(exp)) < 300
    assert exp.label(int(exp.target[0])) in repr(exp)
    assert len(repr(exp.layers[0])) < 300


@pytest.mark.parametrize(
    ("activation", "words"),
    [("softmax", "class 1, 88 %"), ("sigmoid", "class 1, 95 %"), ("none", "output 1, 3")],
)
def test_a_percentage_is_said_of_probabilities_alone(activation, words):
    exp = Explanation(
        logits=torch.tensor([[1.0, 3.0]]),
        target=torch.tensor([1]),
        layers=(),
        method="gradcam",
        image_size=(8, 8),
        depth=1,
        activation=activation,
    )
    assert spaced(target_words(exp, 0)) == words


def test_a_target_that_is_no_class_says_what_it_is():
    fields = {"layers": (), "method": "gradcam", "image_size": (8, 8), "depth": 1, "activation": "none"}
    exp = Explanation(torch.tensor([[0.5]]), torch.tensor([-1]), explained=("similarity to a reference",), **fields)
    assert target_words(exp, 0) == "similarity to a reference"
    assert "similarity to a reference" in repr(exp)


def test_layers_of_several_images_are_told_apart(make_explanation):
    from dataclasses import replace

    exp = make_explanation()
    assert "image" not in layer_words(exp, exp.layers[0])
    second = replace(exp.layers[0], image=1)
    exp = replace(exp, layers=(second, *exp.layers[1:]))
    assert spaced(layer_words(exp, second)).endswith("image 2")


def test_what_is_known_of_places_is_said_once_in_key_caption_and_panel(make_explanation):
    exp = make_explanation()
    note = "nodes were added inside of net.blocks[1]"
    layers = [replace(each, note=note if at else "", placed=not at) for at, each in enumerate(exp.layers)]
    exp = replace(exp, layers=tuple(layers))
    numbers = ", ".join(str(each.number) for each in layers[1:])
    words = f"layers {numbers}: {note}" if len(layers) > 2 else f"layer {numbers}: {note}"
    fig = figure(exp, None)
    shown = " ".join(" ".join(text.get_text().split()) for text in fig.texts)
    assert shown.count(words) == 1
    assert fig.caption.count(f"L{words[1:]}.") == 1
    alone = panel("cam", exp, layers[1].index, None)
    assert any(note in " ".join(text.get_text().split()) for text in alone.texts)


def test_numbers_that_do_not_fit_are_not_written_and_not_promised(make_explanation):
    exp = make_explanation()

    def said(width, **options):
        fig = figure(exp, None, kinds=["neighbors", "graph"], width=width, **options)
        sizes = [text.get_fontsize() for ax in fig.axes for text in ax.texts if text.get_text().isdecimal()]
        return " ".join(" ".join(text.get_text().split()) for text in fig.texts), sizes

    words, sizes = said("page")
    assert "numbers: " in words
    assert min(sizes) >= 5.0
    words, sizes = said("22mm", layers=[3])
    assert "numbers: " not in words
    assert "too small for letters of 5 points" in words
    words, _ = said("22mm", layers=[3], ranks=False)
    assert "too small" not in words
