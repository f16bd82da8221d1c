"""Words in any script: fonts that have them, direction, and one warning where there is none."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import warnings
from types import SimpleNamespace

import matplotlib as mpl
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font
from matplotlib.text import Text

from viz_nodes.batch.options import RenderOptions
from viz_nodes.draw import figure, figure_bytes, latex_of
from viz_nodes.draw.artists.text import dressed
from viz_nodes.draw.composer import OVERHANG, _Painter
from viz_nodes.draw.geometry.layout import Page
from viz_nodes.draw.style import fonts
from viz_nodes.draw.style.captions import plain, target_words
from viz_nodes.draw.style.fonts import LEFT_TO_RIGHT, as_tex, directed, families_for, text_width
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.style.wrapping import shortened, wrap


def has(family, char):
    return ord(char) in get_font(fonts._file_of(family)).get_charmap()


def test_a_font_that_has_the_letters_stands_behind_the_one_that_lacks_them():
    char = "\N{DEVANAGARI LETTER KA}"
    if fonts._family_with(ord(char)) is None:
        pytest.skip("no font here has Devanagari")
    families = families_for(f"abc {char}")
    assert families[0] == "DejaVu Sans"
    assert has(families[1], char)
    assert not has("DejaVu Sans", char)


def forget_what_was_told(monkeypatch):
    for function in (fonts.families_for, fonts.text_width):
        function.cache_clear()
    monkeypatch.setattr(fonts, "_TOLD", set())


def test_letters_that_no_font_has_are_warned_of_once_with_a_package(make_explanation, monkeypatch):
    lost = "\U000e01f0\U0001fbff\uf8ffx"
    forget_what_was_told(monkeypatch)
    exp = make_explanation(labels=(lost, "b", "c"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure_bytes(figure(exp, None), dpi=60)
    (warning,) = [one for one in said if "font" in str(one.message)]
    assert "install a font package such as fonts-noto-core" in str(warning.message)


def test_many_labels_without_a_font_are_one_warning(make_explanation, monkeypatch):
    forget_what_was_told(monkeypatch)
    exp = make_explanation(rows=2, labels=("\U0001fbff", "\U0001fbfe", "\U0001fbfd"))
    exp.target[:] = torch.tensor([0, 1])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure_bytes(figure(exp, None, rows=[0, 1]), dpi=60)
    assert len([one for one in said if "font" in str(one.message)]) == 1


def test_emoji_without_a_font_name_one_that_matplotlib_can_draw(monkeypatch):
    """Fonts of colors, Noto Color Emoji among them, matplotlib leaves out: it draws outlines."""
    forget_what_was_told(monkeypatch)
    monkeypatch.setattr(fonts, "_family_with", lambda code: None)
    with pytest.warns(UserWarning, match="such as fonts-symbola"):
        families_for("rocket \N{ROCKET}")
    with pytest.warns(UserWarning, match="fonts-noto-cjk"):
        families_for("\u6076\u6027")


def test_a_font_that_holds_pictures_of_letters_is_not_taken(monkeypatch):
    class Entry:
        style, weight = "normal", "400"

        def __init__(self, name, fname):
            self.name, self.fname = name, fname

    listed = [Entry("Noto Color Emoji", "color.ttf"), Entry("Symbola", "symbola.ttf")]
    monkeypatch.setattr(fonts.fontManager, "ttflist", listed)
    monkeypatch.setattr(fonts, "_has", lambda path: frozenset([0x1F680]))
    fonts._family_with.cache_clear()
    try:
        assert fonts._family_with(0x1F680) == "Symbola"
    finally:
        fonts._family_with.cache_clear()


def test_a_font_that_is_not_installed_is_one_warning_and_no_log(make_explanation, caplog):
    fonts.installed.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure_bytes(figure(make_explanation(), None, font="No Such Font"), dpi=60)
    assert [str(one.message) for one in said] == ["font 'No Such Font' is not installed; DejaVu Sans is used"]
    assert "findfont" not in caplog.text


def test_right_to_left_names_stand_right_in_a_sentence_from_the_left(make_explanation):
    name = "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED}"
    words = target_words(make_explanation(labels=(name, "b", "c")), 0)
    assert words.startswith(name + LEFT_TO_RIGHT), "the percentage does not join the name's own direction"
    assert directed(f"{name} 62 %\nand b").split("\n") == [f"{LEFT_TO_RIGHT}{name} 62 %", f"{LEFT_TO_RIGHT}and b"]
    assert directed("no such name") == "no such name"


def test_headings_hold_marks_of_direction_and_joiners_themselves_and_not_their_escapes(make_explanation):
    """A heading is made safe once more after its class was: what that class was written with stays."""
    name = "\N{ARABIC LETTER MEEM}\N{ZERO WIDTH NON-JOINER}\N{ARABIC LETTER KAF}"
    fig = figure(make_explanation(labels=(name, "b\N{RIGHT-TO-LEFT OVERRIDE}", "c")), None)
    assert name + LEFT_TO_RIGHT in fig.heading
    drawn = "".join(text.get_text() for text in fig.findobj(Text))
    assert name in drawn
    assert "\\u200" not in drawn
    assert plain("b\N{RIGHT-TO-LEFT OVERRIDE}c\n") == r"b\u202ec\n"


@pytest.mark.parametrize(("room", "points"), [(60.0, 6.5), (25.0, 5.8), (18.5, 5.0), (10.0, 5.0)])
def test_names_of_rows_are_smaller_before_they_are_cut(room, points):
    style = Style()
    painter = _Painter(Figure(figsize=(3, 3)), Page(style), SimpleNamespace(height=216.0))
    painter._upright(10.0, 10.0, room, "close-up", "black")
    (text,) = painter.fig.texts
    assert text.get_fontsize() == pytest.approx(points, abs=0.5)
    assert text.get_text().endswith("…") == (room < 18)
    assert text_width(text.get_text(), text.get_fontsize()) <= room + 2 * OVERHANG


def test_right_to_left_is_laid_out_so_by_matplotlib():
    """The percentage right of the name, the name's first letter at its right end."""
    name = "\N{HEBREW LETTER ALEF}" * 8
    fig = Figure(figsize=(4, 1), dpi=100)
    text = dressed(fig.text(0.0, 0.5, f"{name}{LEFT_TO_RIGHT} 1", fontsize=20))
    plain = dressed(fig.text(0.0, 0.1, "1" + name, fontsize=20))
    assert text.get_window_extent().width == pytest.approx(plain.get_window_extent().width, rel=0.2)
    from viz_nodes.draw.files import pixels_of

    plain.remove()
    ink = (pixels_of(fig, 100)[..., 0] < 128).any(axis=0).nonzero()[0]
    gap = max((b - a, a) for a, b in itertools.pairwise(ink))
    assert gap[1] > 0.6 * ink[-1], "the gap before the number is at the right"


def test_tex_gets_nothing_that_it_would_take_for_a_command():
    assert as_tex("62 % of a_b & {c} $d$ \\e ~f ^g #h |i| <j>") == (
        r"62 \% of a\_b \& \{c\} \$d\$ \textbackslash{}e \textasciitilde{}f \textasciicircum{}g \#h "
        r"\textbar{}i\textbar{} \textless{}j\textgreater{}"
    )


def test_words_that_latex_has_no_letters_for_are_left_to_matplotlib():
    fig = Figure()
    with mpl.rc_context({"text.usetex": True}):
        latin, other = dressed(fig.text(0, 0, "5 %")), dressed(fig.text(0, 0, "恶性 5 %"))
    assert (latin.get_usetex(), latin.get_text()) == (True, r"5 \%")
    assert (other.get_usetex(), other.get_text()) == (False, "恶性 5 %")


LATEX = all(shutil.which(program) for program in ("latex", "dvipng", "pdflatex", "pdftotext"))


@pytest.mark.skipif(not LATEX, reason="latex, dvipng, pdflatex and pdftotext are not installed")
def test_latex_itself_sets_figures_and_their_captions(make_explanation, tmp_path):
    """What a reader of the PDF finds in it, through LaTeX from end to end."""
    exp = make_explanation(labels=("50 % wool & silk_1 #2 ~^\\ $5 {x}", "b", "c"), model="net_1")
    with mpl.rc_context({"text.usetex": True}):
        fig = figure(exp, None, layers=[-1], width="page")
        (tmp_path / "figure.pdf").write_bytes(figure_bytes(fig, "pdf"))
    page = r"\documentclass[twocolumn]{article}\usepackage{graphicx}\begin{document}" + latex_of(fig, "figure.pdf")
    (tmp_path / "page.tex").write_text(page + r"\end{document}")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout[-500:]
    for name in ("figure.pdf", "page.pdf"):
        read = subprocess.run(["pdftotext", tmp_path / name, "-"], capture_output=True, text=True).stdout
        words = " ".join(read.split())
        words = words.replace("\u00a0", " ")
        assert "50 % wool & silk" in words, name
        for tail in ("1 #2", "$5 {x}"):
            assert tail in words, f"{name}: lost behind a special character"
        assert "Grad-CAM" in words
        assert "of the channels" in words
        assert "\N{EM DASH}" not in words, "what LaTeX makes of a bar that is not spelled out"


def test_width_of_a_line_counts_letters_of_other_fonts():
    assert text_width("a" + "ß" * 3, 10.0) > text_width("a", 10.0)
    assert not [text for text in Figure().findobj(Text) if text.get_text()]


def test_a_word_longer_than_a_line_is_broken_where_the_line_ends():
    lines = wrap("a" + "mi" * 300 + " end", 100, 7).split("\n")
    assert lines[-1].endswith(" end")
    assert "".join(lines).replace(" end", "") == "a" + "mi" * 300
    for line, following in itertools.pairwise(lines):
        assert text_width(line, 7) <= 100 < text_width(line + following[0], 7)
    short = shortened("mi" * 300, 100, 7)
    assert text_width(short, 7) <= 100 < text_width(short[:-1] + ("m" if len(short) % 2 else "i") + "…", 7)


def test_a_heading_may_not_be_a_book():
    with pytest.raises(ValueError, match="at most 1000 characters"):
        Style(title="x" * 1001)
    with pytest.raises(ValueError, match="at most 1,000 characters"):
        RenderOptions(title="x" * 1001)
