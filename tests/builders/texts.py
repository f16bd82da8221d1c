"""Where the words of a figure stand."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def texts(fig, dpi=300):
    """Every visible text with its box in pixels, the page being fig.bbox."""
    fig.set_dpi(dpi)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found]


def overlap(first, second):
    width = min(first.x1, second.x1) - max(first.x0, second.x0)
    height = min(first.y1, second.y1) - max(first.y0, second.y0)
    return width > 0.5 and height > 0.5


def require_apart(fig):
    """No word leaves the page or runs into another; numbers on patches stand where they stand."""
    page, shown = fig.bbox, texts(fig)
    for words, box in shown:
        assert page.x0 <= box.x0 + 0.5, words
        assert box.x1 <= page.x1 + 0.5, words
        assert page.y0 <= box.y0 + 0.5, words
        assert box.y1 <= page.y1 + 0.5, words
    outside = [(words, box) for words, box in shown if not words.isdigit()]
    clashes = [(a, b) for i, (a, box) in enumerate(outside) for b, other in outside[i + 1 :] if overlap(box, other)]
    assert clashes == []
