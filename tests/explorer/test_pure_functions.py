"""The module's arithmetic by hand: places, areas, bends, colors, numbers and the address."""

from __future__ import annotations

import itertools

import pytest

from viz_nodes.explorer.page import static

pytestmark = pytest.mark.browser

NAMES = "boxOf, nodeAt, coveredBy, controlOf, colorAt, enlarge, percent, number, among, quoted, formatHash, parseHash"


@pytest.fixture(scope="module")
def call(browser, tmp_path_factory):
    """Calls a function of the module that nothing outside it sees."""
    path = tmp_path_factory.mktemp("pure") / "page.html"
    script = f"{static('explorer.js')}\nwindow.pure = {{ {NAMES}, fanned: (edges) => (fan(edges), edges) }};"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><script type=module>{script}</script>", "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("window.pure")
    yield lambda name, *given: page.evaluate("([name, given]) => pure[name](...given)", [name, list(given)])
    page.close()


def test_places_on_a_grid(call):
    assert call("boxOf", [2, 4], 5) == [0.25, 0.5, 0.5, 1]
    assert call("nodeAt", [2, 4], 0.3, 0.7) == 5
    assert [call("nodeAt", [2, 4], x, y) for x, y in ((0, 0), (1, 1), (-1, 2), (0.5, 0.5))] == [0, 7, 4, 6]


def test_areas_that_a_box_covers(call):
    quarter = call("boxOf", [2, 2], 0)
    assert call("coveredBy", [4, 4], quarter) == [[0, 0.25], [1, 0.25], [4, 0.25], [5, 0.25]]
    assert call("coveredBy", [2, 2], call("boxOf", [4, 4], 5)) == [[0, 1]]
    covered = call("coveredBy", [1, 2], call("boxOf", [1, 3], 1))
    assert [node for node, _ in covered] == [0, 1]
    assert [part for _, part in covered] == pytest.approx([0.5, 0.5])


def test_edges_that_meet_arrive_from_different_directions(call):
    assert call("controlOf", 0, 0, 1, 0, 0.2) == pytest.approx([0.5, 0.2])
    edges = [{"x0": 0.1 * i, "y0": 0.2, "x1": 0.5, "y1": 0.8, "from": i} for i in range(8)]
    arrivals = sorted(edge["arrival"] for edge in call("fanned", edges))
    assert min(b - a for a, b in itertools.pairwise(arrivals)) > 0.1, "radians"


def test_colors_and_enlarged_maps_stay_within_their_ends(call):
    black_to_white = "000000ffffff"
    assert [call("colorAt", black_to_white, v) for v in (-1, 0, 0.5, 1, 9)] == [
        [0, 0, 0],
        [0, 0, 0],
        [128, 128, 128],
        [255, 255, 255],
        [255, 255, 255],
    ]
    wide = call("enlarge", [1, 1, 1], 1, 3, 4)
    assert wide == pytest.approx([1] * 12, abs=1e-6)


def test_numbers_for_people(call):
    nbsp, minus = "\u00a0", "\u2212"
    assert [call("percent", v) for v in (0, 0.001, 0.5, 0.9999, 1)] == [
        f"0{nbsp}%",
        f"<1{nbsp}%",
        f"50{nbsp}%",
        f">99{nbsp}%",
        f"100{nbsp}%",
    ]
    assert call("percent", None) == "unknown"
    assert [call("number", v, True) for v in (0, 0.06692, -958.4, 284312, 2.8e-5)] == [
        "0",
        "+0.0669",
        f"{minus}958",
        "+284300",
        "+2.8e\u22125",
    ]
    column = [call("among", v, 0.0377) for v in (0.0377, -0.026, 0.00001, 0)]
    assert column == ["+0.0377", f"{minus}0.0260", f"\u2248{nbsp}0", "0"]


def test_words_of_a_shell_and_of_an_address(call):
    assert call("quoted", "a/b.jpg") == "a/b.jpg"
    assert call("quoted", "it's $(x)") == "'it'\\''s $(x)'"
    state = {"layer": 4, "pins": [[0.25, 0.4]], "hops": 2, "out": True, "palette": "jet"}
    hash_ = call("formatHash", state)
    assert hash_ == "#layer=4&pins=0.25,0.4&hops=2&out=1&palette=jet"
    assert call("parseHash", hash_) == state
    assert call("parseHash", "#__proto__=1&layer=x&k=5") == {"k": 5}
