"""Axes without ticks: pictures have none, and making them is most of what an Axes costs."""

from __future__ import annotations

from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis


class _Bare:
    """What an axis does without ticks, grid and label: nothing."""

    def set_clip_path(self, path: Any, transform: Any = None) -> None:
        Artist.set_clip_path(self, path, transform)  # type: ignore[arg-type]

    def set_tick_params(self, which: Any = "major", reset: bool = False, **kwargs: Any) -> None:
        pass

    def grid(self, visible: Any = None, which: Any = "major", **kwargs: Any) -> None:
        pass

    def draw(self, renderer: Any) -> None:
        self.stale = False

    def get_tightbbox(self, renderer: Any = None, *, for_layout_only: bool = False) -> None:
        return None


class _BareX(_Bare, XAxis):
    pass


class _BareY(_Bare, YAxis):
    pass


class Panel(Axes):
    """An Axes for a picture: everything but ticks, grid lines and axis labels, which it leaves out."""

    def _init_axis(self) -> None:
        self.xaxis, self.yaxis = _BareX(self, clear=False), _BareY(self, clear=False)
        for name, spine in self.spines.items():
            spine.register_axis(self.xaxis if name in ("bottom", "top") else self.yaxis)

    def clear(self) -> None:
        super().clear()
        for spine in self.spines.values():
            spine.set_position(("outward", 0.0))  # which making the first tick would have done
