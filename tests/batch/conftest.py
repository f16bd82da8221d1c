"""The fixtures of this room, which lie with the builders."""

from builders.commands import images_and_a_broken_one, photograph, run, start, weights

__all__ = ["images_and_a_broken_one", "photograph", "run", "start", "weights"]
