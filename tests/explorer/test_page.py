"""The file itself: whole, safe, small, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from viz_nodes import write_page
from viz_nodes.explorer import embed, page_html
from viz_nodes.explorer.page import json_block, static

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def parts(page: str) -> tuple[str, str, str, str]:
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1])
    style = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    block = re.search(r'<script type="application/json" id="vizgraph-document">(.*?)</script>', page, re.S)[1]
    script = re.search(r'<script type="module">(.*?)</script>', page, re.S)[1]
    return policy, style, block, script


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_admits_this_script_and_style_only(make, photograph):
    policy, style, _, script = parts(page_html(make(layers=2), photograph))
    assert f"script-src '{digest(script)}'" in policy
    assert f"style-src '{digest(style)}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_names_and_labels_cannot_leave_the_data_block(make, photograph):
    exp = make(labels=(HOSTILE,) * 6, model=HOSTILE, layers=2)
    page = page_html(exp, photograph, title=HOSTILE, names=[HOSTILE], commands=[["vizgraph", HOSTILE]])
    _, _, block, _ = parts(page)
    assert "<" not in block
    assert json.loads(block)["document"]["subjects"][0]["name"] == HOSTILE
    assert page.count("<script") == 2
    assert page.count("<img") == 0


def test_a_label_may_hold_what_looks_like_a_template(make, photograph):
    page = page_html(make(labels=("{{SCRIPT}}",) * 6, layers=2), photograph, title="{{DOCUMENT}}")
    assert "<title>{{DOCUMENT}}</title>" in page
    assert page.count('<script type="module">') == 1
    parts(page)


def test_the_page_asks_nothing_of_any_network(make, photograph):
    page = page_html(make(layers=2), photograph)
    _, style, _, script = parts(page)
    assert "</script" not in script
    assert set(re.findall(r"https?://[^\"'\s]+", script)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in style
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|importScripts|eval)\b|innerHTML|new Function", script
    )
    assert not re.search(r'(src|href)="(?!data:)', page.split("<style>")[0])


def test_json_refuses_nan():
    with pytest.raises(ValueError):
        json_block({"x": float("nan")})


def test_twelve_layers_and_five_classes_stay_below_three_megabytes_beside_the_image(
    make, make_pyramid, photograph, tmp_path
):
    for exp in (make(), make_pyramid()):
        page = write_page(exp, photograph, tmp_path / "page.html").read_text("utf-8")
        images = sum(len(image["source"]) for image in json.loads(parts(page)[2])["document"]["images"])
        assert len(page.encode()) - images < 3_000_000


def test_the_same_input_gives_the_same_file(make, photograph, tmp_path):
    first = write_page(make(layers=3), photograph, tmp_path / "a.html").read_bytes()
    assert first == write_page(make(layers=3), photograph, tmp_path / "b" / "c.html").read_bytes()


def test_a_failed_write_leaves_the_earlier_file_and_no_litter(make, photograph, tmp_path, monkeypatch):
    path = write_page(make(layers=2), photograph, tmp_path / "page.html")
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "no space left")))
    with pytest.raises(OSError, match="no space"):
        write_page(make(layers=3), photograph, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_embedding_escapes_the_page_into_a_sandboxed_frame(make, photograph):
    shown = embed(make(layers=2, labels=('"><b>',) * 6), photograph)._repr_html_()
    assert re.fullmatch(
        r'<iframe title="vizgraph explorer" srcdoc="[^"<>]*" [^<>]*sandbox="allow-scripts allow-downloads"></iframe>',
        shown,
    )


def test_writing_a_page_needs_neither_a_notebook_nor_a_drawing_library(tmp_path):
    heavy = ("anywidget", "matplotlib", "timm", "vizgraph")
    code = f"import sys, viz_nodes.explorer as e; e.write_page; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_static_files_are_plain_text_of_one_module():
    script = static("explorer.js")
    assert not re.search(r"(^|[;}\n])import[ {\"*]|\bimport\(", script)
    exported = re.search(r"export ?\{([^}]*)\};\s*$", script)[1]
    assert {name.split(" as ")[-1].strip() for name in exported.split(",")} == {"default", "render"}
    assert np.all(np.frombuffer(static("page.html").encode(), np.uint8) < 128)
