import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from viz_nodes.draw import figure, figure_bytes, panel, read_provenance, save_figure

TESTS = str(Path(__file__).resolve().parents[1])

NOTE = {"image": "9f" * 32, "options": {"k": 9, "name": "é (a\\b) </dc:description> ]]> \n"}, "weights": None}


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_the_same_figure_gives_the_same_bytes(make_explanation, photograph, form):
    first = figure_bytes(figure(make_explanation(), photograph()), form, dpi=100, provenance=NOTE)
    second = figure_bytes(figure(make_explanation(), photograph()), form, dpi=100, provenance=NOTE)
    assert first == second
    assert first != figure_bytes(figure(make_explanation(seed=1), photograph()), form, dpi=100, provenance=NOTE)


def test_another_process_in_another_folder_writes_the_same_bytes(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from builders.explanations import build_explanation\n"
        "import numpy as np\n"
        "from viz_nodes.draw import figure, save_figure\n"
        "for form in ('png', 'pdf', 'svg'):\n"
        "    save_figure(figure(build_explanation(), np.zeros((224, 224, 3), np.uint8)), f'a.{form}', dpi=80)\n"
    )
    folders = [tmp_path / "one", tmp_path / "two with spaces"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        environment = dict(os.environ, PYTHONHASHSEED=str(number), TZ=("UTC", "Asia/Tokyo")[number])
        subprocess.run([sys.executable, "-c", code, TESTS], cwd=folder, env=environment, check=True)
    for form in ("png", "pdf", "svg"):
        assert (folders[0] / f"a.{form}").read_bytes() == (folders[1] / f"a.{form}").read_bytes()


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_provenance_is_read_back_as_it_was_written(tmp_path, make_explanation, form):
    path = save_figure(
        figure(make_explanation(), None, kinds=["graph"]), tmp_path / f"f.{form}", dpi=60, provenance=NOTE
    )
    assert read_provenance(path) == NOTE
    bare = save_figure(figure(make_explanation(), None, kinds=["graph"]), tmp_path / f"g.{form}", dpi=60)
    assert read_provenance(bare) is None


def test_pdf_keeps_edges_and_text_as_vectors_and_the_photograph_once(make_explanation, photograph):
    from PIL import Image  # noqa: F401  (matplotlib's PDF writer compresses through it)

    data = figure_bytes(figure(make_explanation(), photograph()), "pdf")
    assert b"/FontFile2" in data or b"/CIDFontType2" in data, "TrueType text, not outlines"
    sizes = [
        (int(a or c), int(b or d))
        for a, b, c, d in re.findall(rb"/Height (\d+)[^>]*?/Width (\d+)|/Width (\d+)[^>]*?/Height (\d+)", data)
    ]
    photographs = [size for size in sizes if size[0] == size[1] and 250 < size[0] < 320]
    streams = [
        zlib.decompress(s) for s in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", data, re.DOTALL) if _inflates(s)
    ]
    page = max((s for s in streams if b" Do" in s), key=len)
    uses = {name: page.count(b"/" + name + b" Do") for name in set(re.findall(rb"/(I\d+) Do", page))}
    assert max(uses.values()) == 9, "one photograph, nine panels"
    assert len(photographs) <= 2
    assert page.count(b"\nf") > 50, "edges are filled paths"


def _inflates(data):
    try:
        zlib.decompress(data)
    except zlib.error:
        return False
    return True


def test_svg_keeps_text_as_text_and_the_photograph_once(make_explanation, photograph):
    svg = figure_bytes(figure(make_explanation(), photograph()), "svg").decode()
    root = ET.fromstring(svg)
    words = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "tabby cat" in words
    assert re.search(r"\d+ of \d+, |all \d+", words), "how many neighbors are drawn"
    payloads = re.findall(r'xlink:href="(data:image/png;base64,[^"]*)"', svg)
    assert len(payloads) == len(set(payloads))
    largest = max(payloads, key=len)
    name = re.search(r'<image id="(pixels\d+)"[^>]*?' + re.escape(largest[:200]), svg).group(1)
    assert svg.count(f'xlink:href="#{name}"') == 9


def test_svg_shared_images_look_as_unshared_ones(make_explanation, photograph, tmp_path):
    """The places that refer to shared pixels carry the same transform as the images they replace."""
    from viz_nodes.draw import files

    fig = figure(make_explanation(), photograph(), kinds=["cam", "graph"], layers=[3])
    shared = figure_bytes(fig, "svg").decode()
    keep, files._share_images = files._share_images, lambda svg: svg
    try:
        plain = figure_bytes(fig, "svg").decode()
    finally:
        files._share_images = keep
    images = re.findall(r'<image [^>]*?transform="([^"]*)"', plain, re.DOTALL)
    placed = re.findall(r'<(?:use xlink:href="#pixels\d+"|image) [^>]*?transform="([^"]*)"', shared, re.DOTALL)
    assert sorted(images) == sorted(placed)
    assert len(shared) < len(plain)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, make_explanation, monkeypatch):
    target = tmp_path / "figure.png"
    target.write_bytes(b"old")

    def broken(source, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="No space"):
        save_figure(figure(make_explanation(), None, kinds=["graph"]), target, dpi=60)
    assert target.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["figure.png"]


def test_other_endings_are_refused(tmp_path, make_explanation):
    with pytest.raises(ValueError, match=r"\.png"):
        save_figure(figure(make_explanation(), None, kinds=["graph"]), tmp_path / "figure.gif")
    with pytest.raises(ValueError, match=r"\.png"):
        read_provenance(tmp_path / "figure.gif")


def test_a_png_of_another_program_has_no_provenance(tmp_path):
    from PIL import Image

    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "x.png")
    assert read_provenance(tmp_path / "x.png") is None


def test_characters_that_the_font_lacks_are_no_warning(make_explanation, recwarn):
    figure_bytes(figure(make_explanation(labels=("猫", "b", "c")), None, kinds=["graph"]), "png", dpi=60)
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


def test_svg_text_names_a_generic_family_behind_its_own(make_explanation):
    svg = figure_bytes(figure(make_explanation(labels=("恶性肿瘤", "b", "c")), None), "svg").decode()
    families = set(re.findall(r'font(?:-family)?: ([^;"]*)', svg))
    assert families
    assert all(words.rstrip().endswith("sans-serif") for words in families), families


def test_a_poster_that_would_take_gigabytes_is_refused_with_the_resolution_that_fits(make_explanation, photograph):
    fig = panel("cam", make_explanation(), 3, photograph(), width="1189mm")
    with pytest.raises(ValueError, match=r"`dpi` must be at most \d+ for a figure of 1189 x"):
        figure_bytes(fig, dpi=300)
    assert len(figure_bytes(fig, "svg")) > 1000
    assert figure_bytes(fig, dpi=20)[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ("latex was not able to process\n! LaTeX Error: File `type1ec.sty' not found.\n", "LaTeX has no type1ec.sty"),
        ("Failed to process string with tex because latex could not be found", "there is no program latex"),
        ("x\n! Undefined control sequence.\n", "! Undefined control sequence."),
    ],
)
def test_a_failure_of_latex_says_in_one_line_what_is_missing(make_explanation, monkeypatch, said, lacks):
    fig = figure(make_explanation(), None, kinds=["cam"])

    def fail(*_, **__):
        raise RuntimeError(said)

    monkeypatch.setattr(type(fig), "savefig", fail)
    with pytest.raises(RuntimeError, match=re.escape(lacks)) as caught, mpl.rc_context({"text.usetex": True}):
        figure_bytes(fig, "pdf")
    assert "\n" not in str(caught.value)
    assert "texlive" in str(caught.value)


def test_with_latex_nothing_is_lost_behind_a_percent_sign(make_explanation):
    with mpl.rc_context({"text.usetex": True}):
        fig = figure(make_explanation(labels=("50 % wool & silk_1 #2", "恶性肿瘤", "c")), None)
    words = [text for text in fig.findobj(Text) if text.get_text().strip()]
    tex = [text.get_text() for text in words if text.get_usetex()]
    assert len(tex) > 10
    assert not [text for text in tex if re.search(r"(?<!\\)[%&#_]", text)]
    assert any(r"50 \% wool \& silk\_1 \#2" in " ".join(text.split()) for text in tex)


def test_a_notebook_shows_a_figure_by_itself(make_explanation):
    fig = figure(make_explanation(), None)
    shown = fig._repr_png_()
    assert shown[:4] == b"\x89PNG"
    width = int.from_bytes(shown[16:20], "big")
    assert width >= 600, "wide enough that the smallest letters are read"
