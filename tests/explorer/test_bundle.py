"""The JavaScript tools, where `npm install` has brought them: lint, types, tests of pure functions, the bundle."""

from __future__ import annotations

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


def test_every_source_is_bundled():
    """Without the tools: each module of `src` is named in the bundle, which esbuild writes above its part."""
    sources = {path.name for path in (ROOT / "viz_nodes/explorer/src").glob("*.js")}
    bundle = (ROOT / "viz_nodes/explorer/static/page.js").read_text("utf-8")
    assert {name for name in sources if f"// {name}\n" in bundle} == sources
