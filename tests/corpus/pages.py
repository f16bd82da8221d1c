"""Pages: whatever names, labels and titles hold, nothing in them runs and nothing leaves."""

from __future__ import annotations

import contextlib
import functools
import html.parser
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from builders.explanations import build_explanation
from corpus.promises import Case, promise, require
from corpus.texts import nasty_name

ATTACKS = (
    "<script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<!--<script>",
    "-->",
    "]]><script>window.hit=1</script>",
    '"><svg onload=window.hit=1>',
    "' onmouseover=window.hit=1 '",
    "javascript:window.hit=1",
    "{{SCRIPT}}",
    "{{POLICY}}",
    "${window.hit=1}",
    "`+(window.hit=1)+`",
    "\u2028window.hit=1//",
    "</title><script>window.hit=1</script>",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "<base href=http://x/>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x>",
    "<style>@import 'http://127.0.0.1:9/x'</style>",
    "url(http://127.0.0.1:9/)",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<form action=http://127.0.0.1:9/><input autofocus>",
    "__proto__",
    "constructor",
    '"}]}</script>',
    "&lt;script&gt;",
    "<math><mtext></p><img src=1 onerror=window.hit=1>",
)


def _name(rng: np.random.Generator) -> str:
    name = ATTACKS[int(rng.integers(len(ATTACKS)))]
    return name if rng.integers(2) else nasty_name(rng) + name


def _page(case: Case) -> tuple[str, tuple[str, ...]]:
    from viz_nodes.explorer.page import page_html

    rng = case.rng
    labels = tuple(_name(rng) for _ in range(3))
    exp = build_explanation(layers=(0, 1), depth=2, grid=(3, 4), k=2, size=(48, 64), labels=labels)
    image = rng.integers(0, 255, (48, 64, 3), np.uint8)
    options: dict[str, Any] = {"title": _name(rng), "names": [_name(rng)], "commands": [["vizgraph", _name(rng)]]}
    return page_html(exp, image, **options), labels


class _Seen(html.parser.HTMLParser):
    """What a browser would meet."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") or tag

    def handle_data(self, data: str) -> None:
        self.texts[self._inside] = self.texts.get(self._inside, "") + data


@functools.cache
def _shape() -> list[str]:
    """The tags of a page with harmless names."""
    from viz_nodes.explorer.page import page_html

    exp = build_explanation(layers=(0, 1), depth=2, grid=(3, 4), k=2, size=(48, 64))
    seen = _Seen()
    seen.feed(page_html(exp, np.zeros((48, 64, 3), np.uint8)))
    return [tag for tag, _ in seen.tags]


@promise(
    "a page has the same elements whatever its names hold, none with a handler or an address, and a content "
    "security policy "
    "that allows its own script alone",
    how="names, labels, titles and commands that end scripts, tags, comments, attributes and templates, parsed as HTML",
    sample=40,
    full=5_000,
)
def hostile_pages(case: Case) -> None:
    page, labels = _page(case)
    seen = _Seen()
    seen.feed(page)
    require([tag for tag, _ in seen.tags] == _shape(), "a name became an element")
    policy = next(attrs["content"] for tag, attrs in seen.tags if attrs.get("http-equiv"))
    require("default-src 'none'" in policy and "script-src 'sha256-" in policy, policy)
    require(not any(word in policy for word in ("unsafe", "http:", "https:", "*", "connect-src")), policy)
    for _, attrs in seen.tags:
        require(not any(name.startswith("on") or name in ("src", "action", "srcdoc") for name in attrs), attrs)
        require(str(attrs.get("href", "data:")).startswith("data:"), attrs)
    document = json.loads(seen.texts["vizgraph-document"])
    require(len(labels) == 3 and document, "no document")


@contextlib.contextmanager
def _chromium() -> Iterator[Any]:
    """A browser for one case, None where there is none."""
    from playwright.sync_api import sync_playwright

    path = next((p for p in ("/usr/bin/chromium", "/usr/bin/google-chrome") if os.path.exists(p)), None)
    if path is None:
        yield None
        return
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@promise(
    "in a browser nothing in a page runs but its own script, and it makes no request",
    how="such pages opened in Chromium, their panels walked through; requests, script errors and a canary are watched",
    limits="held for nothing where no Chromium is installed",
    sample=1,
    full=60,
)
def hostile_pages_in_a_browser(case: Case) -> None:
    page_text, _ = _page(case)
    path = Path(case.folder) / "x.html"
    path.write_text(page_text, encoding="utf-8")
    # In a thread of its own: Playwright's loops of one thread do not bear one another.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_walk_through, path).result()


def _walk_through(path: Path) -> None:
    with _chromium() as browser:
        if browser is None:
            return
        page = browser.new_page()
        requests, errors = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector("main canvas, main svg, main img", timeout=20_000)
        for button in page.query_selector_all("main button")[:12]:
            if button.is_visible() and button.is_enabled():
                button.click(timeout=2_000, force=True)
        outside = [url for url in requests if not url.startswith(("data:", "blob:", path.as_uri()))]
        require(not outside, f"requests: {outside}")
        require(page.evaluate("window.hit") is None, "a name ran")
        require(not errors, errors)
