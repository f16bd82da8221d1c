"""The JavaScript tools, where `npm install` has brought them: lint, types, tests of pure functions, the bundle."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
needs_tools = pytest.mark.skipif(
    shutil.which("npm") is None or not (ROOT / "node_modules" / "esbuild").is_dir(),
    reason="the JavaScript tools are not installed (npm install)",
)


@needs_tools
@pytest.mark.parametrize("step", ["lint", "types", "test", "current"])
def test_the_sources_are_clean_and_the_committed_bundle_is_what_they_give(step):
    done = subprocess.run(["npm", "run", "-s", step], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_bundle_was_made_of_the_sources_as_they_are():
    """Without the tools: the bundle's first line holds the digest of all it was made of, which is every source."""
    explorer = ROOT / "viz_nodes/explorer"
    sources = [*explorer.glob("src/*.js"), *explorer.glob("src/*.json"), ROOT / "viz_nodes/draw/style/words.json"]
    digest = hashlib.sha256()
    for source in sorted(sources, key=lambda path: os.path.relpath(path, explorer / "src")):
        digest.update(source.read_bytes())
    first = (explorer / "static/explorer.js").read_text("utf-8").splitlines()[0]
    assert first.endswith(digest.hexdigest()), "npm run build"
