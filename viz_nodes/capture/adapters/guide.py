"""The page about adapters, for messages to name."""

from __future__ import annotations

from viz_nodes.pages import page

GUIDE = page("adapters.md")
"""Where it is."""
