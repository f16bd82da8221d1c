import numpy as np
import pytest

from viz_nodes.draw.geometry.curves import (
    BENDS,
    arrival_angles,
    arrow_outline,
    bezier,
    control_points,
    crossings,
    fan,
    trimmed,
)


def gaps_between(angles):
    """Angles between neighbors around the circle."""
    ordered = np.sort(np.mod(angles, 2 * np.pi))
    return np.diff(np.append(ordered, ordered[0] + 2 * np.pi))


def test_control_point_lies_off_the_middle_by_bend_times_length():
    control = control_points(np.array([[0.0, 0.0]]), np.array([[2.0, 0.0]]), np.array([0.5]))
    np.testing.assert_allclose(control, [[1.0, 1.0]])


def test_bezier_starts_and_ends_where_told_and_passes_half_way_to_the_control_point():
    points = bezier(np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]]), np.array([[2.0, 0.0]]), samples=3)
    np.testing.assert_allclose(points, [[[0, 0], [1, 0.5], [2, 0]]])


def test_arrival_angle_turns_by_the_arc_tangent_of_twice_the_bend():
    start, end = np.array([[0.0, 0.0]]), np.array([[2.0, 0.0]])
    straight = arrival_angles(start, end, np.array([0.0]))
    bent = arrival_angles(start, end, np.array([0.5]))
    assert abs(abs(straight[0]) - np.pi) < 1e-12
    assert abs(np.pi - bent[0]) == pytest.approx(np.arctan(1.0))


def test_edges_from_one_direction_arrive_apart():
    starts = np.array([[10.0, 0.0], [20.0, 0.0], [30.0, 0.0], [40.0, 0.0]])
    ends = np.zeros((4, 2))
    straight = arrival_angles(starts, ends, np.zeros(4))
    assert gaps_between(straight).min() == 0
    bends = fan(starts, ends, obstacles=np.concatenate([starts, ends[:1]]), clearance=4.0)
    assert np.degrees(gaps_between(arrival_angles(starts, ends, bends)).min()) > 10


def test_eighteen_scattered_edges_all_arrive_apart():
    rng = np.random.default_rng(3)
    starts = rng.uniform(0, 224, (18, 2))
    ends = np.tile([[120.0, 100.0]], (18, 1))
    bends = fan(starts, ends, obstacles=starts, clearance=11.0, bounds=(0, 0, 224, 224))
    assert np.degrees(gaps_between(arrival_angles(starts, ends, bends)).min()) > 4
    assert (
        gaps_between(arrival_angles(starts, ends, bends)).min()
        > 2 * gaps_between(arrival_angles(starts, ends, np.zeros(18))).min()
    )


def test_an_edge_goes_around_a_dot_on_its_way():
    starts, ends = np.array([[0.0, 0.0]]), np.array([[100.0, 0.0]])
    dot = np.array([[50.0, 5.0]])
    bends = fan(starts, ends, obstacles=dot, clearance=15.0)
    line = bezier(starts, control_points(starts, ends, bends), ends)
    assert np.hypot(*(line[0] - dot).T).min() > 12
    assert bends[0] < 0, "the dot lies below, so the edge passes above"


def test_edges_to_a_corner_stay_inside_the_picture():
    starts = np.array([[8.0, 100.0], [8.0, 180.0], [90.0, 8.0], [200.0, 8.0], [100.0, 100.0]])
    ends = np.tile([[8.0, 8.0]], (5, 1))
    bends = fan(starts, ends, obstacles=starts, clearance=11.0, bounds=(0, 0, 224, 224))
    lines = bezier(starts, control_points(starts, ends, bends), ends)
    assert lines.min() > -2
    assert lines.max() < 226


def test_the_fan_depends_on_the_input_only_and_takes_bends_from_the_list():
    rng = np.random.default_rng(0)
    starts, ends = rng.uniform(0, 100, (9, 2)), np.tile([[50.0, 50.0]], (9, 1))
    first = fan(starts, ends, obstacles=starts, clearance=5.0)
    assert (first == fan(starts, ends, obstacles=starts, clearance=5.0)).all()
    assert np.isin(first, BENDS).all()


def test_no_edges_and_an_edge_of_no_length_are_no_trouble():
    assert fan(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)
    bends = fan(np.array([[5.0, 5.0], [9.0, 5.0]]), np.array([[5.0, 5.0], [5.0, 5.0]]), clearance=2.0)
    assert bends[0] == 0
    assert np.isfinite(bends).all()


def test_many_edges_bend_less_than_few():
    rng = np.random.default_rng(1)
    spread = []
    for count in (9, 72):
        starts = rng.uniform(0, 224, (count, 2))
        ends = np.tile([[112.0, 112.0]], (count, 1))
        spread.append(np.abs(fan(starts, ends, obstacles=starts, clearance=11.0)).mean())
    assert spread[1] < spread[0] + 0.05


def test_trimming_leaves_gaps_of_the_asked_length():
    line = np.stack([np.linspace(0, 10, 11), np.zeros(11)], 1)[None]
    cut = trimmed(line, np.array([2.0]), np.array([3.0]))
    np.testing.assert_allclose(cut[0, [0, -1]], [[2, 0], [7, 0]])


def test_trimming_an_edge_too_short_leaves_a_tenth():
    line = np.stack([np.linspace(0, 1, 5), np.zeros(5)], 1)[None]
    cut = trimmed(line, np.array([4.0]), np.array([4.0]))
    assert cut[0, -1, 0] - cut[0, 0, 0] == pytest.approx(0.1)


def test_a_straight_ribbon_has_the_corners_of_a_trapezoid():
    outline = arrow_outline(np.array([[0.0, 0.0], [5.0, 0.0], [10.0, 0.0]]), 2.0, 1.0)
    np.testing.assert_allclose(outline[[0, 2, 3, 5]], [[0, 1], [10, 0.5], [10, -0.5], [0, -1]])
    np.testing.assert_allclose(outline[0], outline[-1])


def test_an_arrowhead_ends_at_the_tip_and_is_as_wide_as_asked():
    outline = arrow_outline(np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]]), 1.0, 1.0, head=4.0)
    assert outline[:, 0].max() == pytest.approx(20.0)
    assert np.ptp(outline[:, 1]) == pytest.approx(4.0)
    shaft = outline[outline[:, 0] < 14.0]
    assert np.abs(shaft[:, 1]).max() == pytest.approx(0.5)


def test_crossings_are_counted_and_touching_is_none():
    cross = np.array([[[0.0, 0.0], [2.0, 2.0]]])
    others = np.array([[[0.0, 2.0], [2.0, 0.0]], [[2.0, 2.0], [4.0, 0.0]], [[0.0, 1.0], [2.0, 3.0]]])
    assert crossings(cross, others).tolist() == [[1, 0, 0]]


def test_edges_cross_less_than_when_each_bends_for_itself():
    rng = np.random.default_rng(11)
    tangled, alone = 0, 0
    for _ in range(6):
        starts = rng.uniform(0, 224, (12, 2))
        ends = np.tile(rng.uniform(40, 180, 2), (12, 1))
        bends = fan(starts, ends, obstacles=starts, clearance=11.0)
        for each, total in ((bends, "fan"), (np.where(np.arange(12) % 2, 0.3, -0.3), "alone")):
            lines = bezier(starts, control_points(starts, ends, each), ends, 12)[:, :-1]
            count = int(np.triu(crossings(lines, lines), 1).sum())
            tangled, alone = (tangled + count, alone) if total == "fan" else (tangled, alone + count)
    assert tangled < 0.6 * alone


def test_no_edge_leaves_the_picture():
    rng = np.random.default_rng(0)
    for _ in range(20):
        starts = rng.uniform(0, 100, (12, 2)) * [1, 0.2]  # many along the upper border
        ends = np.tile([rng.uniform(0, 100), 0.0], (12, 1))
        bends = fan(starts, ends, obstacles=np.concatenate([starts, ends[:1]]), clearance=5.0, bounds=(0, 0, 100, 100))
        points = bezier(starts, control_points(starts, ends, bends), ends)
        assert points.min() >= -0.1, "bends are judged at a dozen points of an edge"
        assert points.max() <= 100.1
