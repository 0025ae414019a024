"""Where a track is between its keyframes."""

import math

import numpy as np
import pytest

from comogen_demo.masks import Keyframe, Part, ease_at, make_shape, moment_at
from tests.masks.drawn import blob, disc

SHAPE = make_shape(disc(30, 40, 8))
TWO = [SHAPE, make_shape(blob())]


def pose(keyframes, t, smooth=0.0):
    """Offset x and y from where the shape was drawn, rotation and scale."""
    moment = moment_at([SHAPE], keyframes, smooth, t)
    (part,) = moment.parts
    assert (part.shape, part.weight) == (0, 1.0)
    return moment.x - SHAPE.centre[0], moment.y - SHAPE.centre[1], part.rotation, part.scale


def place(keyframes, t, smooth=0.0):
    return pose(keyframes, t, smooth)[:2]


def test_without_keyframes_the_first_shape_rests():
    moment = moment_at(TWO, [], 0.0, 7)
    assert (moment.x, moment.y, moment.parts) == (*TWO[0].centre, (Part(0, 1.0, 0.0, 1.0),))


def test_the_end_keyframes_hold_outside_of_their_span():
    keys = [Keyframe(2, x=10), Keyframe(6, x=40)]
    assert [place(keys, t)[0] for t in (-3, 0, 2, 3, 4, 5, 6, 9)] == [10, 10, 10, 17.5, 25, 32.5, 40, 40]


def test_scale_is_interpolated_by_its_logarithm_and_position_linearly():
    x, y, _, scale = pose([Keyframe(0, x=0, y=10, scale=1), Keyframe(8, x=8, y=-10, scale=4)], 4)
    assert (x, y, scale) == pytest.approx((4, 0, 2))


def test_the_short_way_round_is_taken():
    def turn(a, b, t):
        return pose([Keyframe(0, rotation=a), Keyframe(10, rotation=b)], t)[2]

    assert [turn(350, 10, t) for t in (0, 5, 9)] == pytest.approx([350, 360, 368])
    assert turn(10, 350, 5) == pytest.approx(0)
    assert turn(0, 180, 5) == pytest.approx(-90)
    assert turn(0, 725, 8) == pytest.approx(4)
    assert turn(0, 725, 10) == 725, "at a keyframe its own value stands"


@pytest.mark.parametrize(
    ("ease", "known"),
    [
        ((0.25, 0.1, 0.25, 1.0), {0.25: 0.4085, 0.5: 0.8024, 0.75: 0.9605}),  # ease
        ((0.42, 0.0, 1.0, 1.0), {0.25: 0.0935, 0.5: 0.3154, 0.75: 0.6219}),  # ease-in
        ((0.0, 0.0, 0.58, 1.0), {0.25: 0.3781, 0.5: 0.6846, 0.75: 0.9065}),  # ease-out
        ((0.42, 0.0, 0.58, 1.0), {0.25: 0.1292, 0.5: 0.5, 0.75: 0.8708}),  # ease-in-out
    ],
)
def test_easing_gives_the_values_of_css(ease, known):
    assert {u: round(ease_at(ease, u), 4) for u in known} == known


def test_easing_solves_the_curves_of_css():
    """Against the roots of the cubic polynomial."""
    rng = np.random.default_rng(0)
    for x1, x2, u in rng.uniform(0.02, 0.98, (60, 3)):
        y1, y2 = rng.uniform(-1, 2, 2)
        roots = np.roots([1 + 3 * x1 - 3 * x2, 3 * x2 - 6 * x1, 3 * x1, -u])
        (s,) = {round(r.real, 12) for r in roots if abs(r.imag) < 1e-12 and 0 <= r.real <= 1}
        expected = 3 * (1 - s) ** 2 * s * y1 + 3 * (1 - s) * s**2 * y2 + s**3
        assert ease_at((x1, y1, x2, y2), u) == pytest.approx(expected, abs=1e-8)


def test_easing_is_exact_where_it_can_be():
    times = [0, 0.1, 1 / 3, 0.5, 0.99, 1]
    for ease in ((0, 0, 1, 1), (0.3, 0.3, 0.6, 0.6)):
        assert [ease_at(ease, u) for u in times] == times
    upright = (1.0, 0.0, 0.0, 1.0)  # stands upright at the middle
    assert [ease_at(upright, u) for u in (0, 0.5, 1)] == pytest.approx([0, 0.5, 1], abs=1e-5)
    back = (0.34, 1.56, 0.64, 1.0)
    assert max(ease_at(back, u) for u in np.linspace(0, 1, 50)) > 1.05, "it overshoots"


def test_easing_bends_the_whole_pose_alike():
    ease = (0.42, 0.0, 1.0, 1.0)
    keys = [Keyframe(0, ease=ease), Keyframe(8, x=10, y=20, rotation=100, scale=math.e)]
    e = ease_at(ease, 0.25)
    assert pose(keys, 2) == pytest.approx((10 * e, 20 * e, 100 * e, math.exp(e)))


def test_hold_keeps_pose_and_shape_until_the_next_keyframe():
    keys = [Keyframe(0, x=3, rotation=5, hold=True), Keyframe(8, x=30, shape=1)]
    moments = [moment_at(TWO, keys, 1.0, t) for t in (0, 4, 7.999, 8)]
    assert moments[0] == moments[1] == moments[2]
    assert moments[0].parts == (Part(0, 1.0, 5, 1.0),)
    assert moments[3].parts == (Part(1, 1.0, 0.0, 1.0),)


def test_hidden_lasts_until_the_next_keyframe():
    keys = [Keyframe(2, hidden=True), Keyframe(4), Keyframe(6, hidden=True)]
    shown = [moment_at([SHAPE], keys, 0.0, t) is not None for t in (0, 2, 3.9, 4, 5.9, 6, 8)]
    assert shown == [False, False, False, True, True, False, False]


def test_a_smooth_path_runs_through_its_keys_without_a_corner():
    keys = [Keyframe(0), Keyframe(4, x=40), Keyframe(10, x=40, y=50), Keyframe(12, x=0, y=50)]
    small = 1e-5
    for key in keys:
        assert place(keys, key.t, 1.0) == pytest.approx((key.x, key.y))
    for t in (4, 10):
        here, before, after = (np.array(place(keys, t + d, 1.0)) for d in (0, -small, small))
        assert (here - before) / small == pytest.approx((after - here) / small, abs=1e-3)
    sharp = [np.array(place(keys, 4 + d, 0.0)) for d in (-1, 0, 1)]
    assert not np.allclose(sharp[1] - sharp[0], sharp[2] - sharp[1])


def test_the_smooth_path_is_the_cubic_of_the_brief():
    """One span by hand: tangents (50, 0) / 10 at its start and as the chord, (0, 50) / 6, at its end."""
    keys = [Keyframe(0, x=-50), Keyframe(4), Keyframe(10, y=50)]
    chord, leaving = np.array([0, 50 / 6]), np.array([50, 50]) / 10
    for smooth in (0.25, 1.0):
        first = 2 * ((1 - smooth) * chord + smooth * leaving)
        second = np.array([0, 50]) - 2 * chord
        for t in (5, 7, 9.5):
            e = (t - 4) / 6
            expected = 3 * (1 - e) ** 2 * e * first + 3 * (1 - e) * e**2 * second + e**3 * np.array([0, 50])
            assert place(keys, t, smooth) == pytest.approx(tuple(expected))


def test_two_keyframes_are_joined_by_a_straight_line_at_any_smoothness():
    keys = [Keyframe(0), Keyframe(8, x=16, y=-8)]
    for smooth in (0.0, 0.5, 1.0):
        assert [place(keys, t, smooth) for t in (2, 5)] == [pytest.approx((4, -2)), pytest.approx((10, -5))]


def test_redrawn_shapes_blend_and_keep_their_own_pose():
    keys = [Keyframe(0, rotation=20, scale=2), Keyframe(8, x=5, shape=1, rotation=300, scale=0.5)]
    moment = moment_at(TWO, keys, 0.0, 2)
    assert moment.parts == (Part(0, 0.75, 20, 2), Part(1, 0.25, 300, 0.5))
    start, end = np.array(TWO[0].centre), np.array(TWO[1].centre) + (5, 0)
    assert (moment.x, moment.y) == pytest.approx(tuple(start + 0.25 * (end - start)))


def test_an_overshooting_blend_stays_within_its_shapes():
    keys = [Keyframe(0, ease=(0.3, 2.0, 0.6, 2.0)), Keyframe(8, shape=1)]
    weights = [tuple(p.weight for p in moment_at(TWO, keys, 0.0, t).parts) for t in np.linspace(0.5, 7.5, 30)]
    assert all(0 <= weight <= 1 for pair in weights for weight in pair)
    assert (0.0, 1.0) in weights
