"""The examples of docs/toolkit.md run, from top to bottom, as one program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "toolkit.md"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_examples_run(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 10
    names: dict = {"__name__": "toolkit_page"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/toolkit.md, example {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "[0, 1, 14, 15]" in printed
    assert "[0, 0, 0, 1, 1, 1]" in printed
