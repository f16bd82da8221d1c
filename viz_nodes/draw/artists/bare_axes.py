"""Axes without ticks: pictures have none, and making them is most of what an Axes costs."""

from __future__ import annotations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis


class _Bare:
    """What an axis does without ticks, grid and label: nothing."""

    def set_clip_path(self, path, transform=None) -> None:
        Artist.set_clip_path(self, path, transform)  # type: ignore[arg-type]

    def set_tick_params(self, which="major", reset=False, **kwargs) -> None:
        pass

    def grid(self, visible=None, which="major", **kwargs) -> None:
        pass

    def draw(self, renderer) -> None:
        self.stale = False

    def get_tightbbox(self, renderer=None, *, for_layout_only=False) -> None:
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
