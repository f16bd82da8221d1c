"""The one error of this room."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """A run that cannot start or go on. The message is one sentence: what, why, and the cure."""
