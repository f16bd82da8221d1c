"""The one error of this room."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A checkpoint that cannot be had, read or used. The message is one sentence: what, why, and the cure."""
