"""Laying one mask onto another: what is known comes back, what is not there is not made up."""

import math

import cv2
import numpy as np
import pytest

from comogen_demo.driving import Similarity, align, containing, moved, overlap
from comogen_demo.driving.fit import by_area, outlined
from comogen_demo.errors import UserError
from comogen_demo.masks.shape import signed_distance

from .clips import wavy

SIZE = (240, 320)


def polygon(*corners) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 1)
    return mask > 0


def ellipse(across: float, down: float, size=SIZE) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return ((columns - size[1] / 2) / across) ** 2 + ((rows - size[0] / 2) / down) ** 2 <= 1


SHAPES = {
    "wavy": wavy(),
    "another": wavy(seed=5),
    "small": wavy(radius=16),
    "square": polygon((120, 80), (200, 80), (200, 160), (120, 160)),
    "triangle": polygon((120, 160), (160, 60), (230, 160)),
    "bar": polygon((90, 110), (230, 110), (230, 135), (90, 135)),
    "ellipse": ellipse(66, 50),
}


def about_centre(mask, dx, dy, scale, rotation) -> Similarity:
    return Similarity(dx, dy, scale, rotation, *outlined(mask).shape.centre)


def off(found: Similarity, true: Similarity) -> tuple[float, float, float]:
    """px of the centre, share of the scale, degrees."""
    x, y = true(true.px, true.py)
    to = found(true.px, true.py)
    turn = (found.rotation - true.rotation + 180) % 360 - 180
    return math.hypot(to[0] - x, to[1] - y), abs(found.scale / true.scale - 1), abs(turn)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    "way", [(20, -10, 1.2, 30), (-30, 12, 0.75, -40), (0, 0, 1, 0), (5.3, -7.8, 1.05, 2.5)]
)
def test_a_known_similarity_comes_back(name, way):
    mask = SHAPES[name]
    true = about_centre(mask, *way)
    distance, scale, turn = off(align(mask, moved(mask, true, SIZE)), true)
    assert (distance < 1, scale < 0.01, turn < 1) == (True, True, True), (distance, scale, turn)


@pytest.mark.parametrize("turn", [100, 170, -120])
def test_large_turns_come_back_where_nothing_else_fits(turn):
    mask = SHAPES["wavy"]
    true = about_centre(mask, 10, 5, 0.9, turn)
    assert off(align(mask, moved(mask, true, SIZE)), true)[2] < 1


def test_a_square_turns_the_short_way():
    mask = SHAPES["square"]
    found = align(mask, moved(mask, about_centre(mask, 0, 0, 1, 80), SIZE))
    assert found.rotation == pytest.approx(-10, abs=1)


@pytest.mark.parametrize("radius", [6, 12, 40, 80])
def test_what_is_round_is_not_turned(radius):
    disc = ellipse(radius, radius)
    found = align(disc, moved(disc, Similarity(13.4, -7.7, 1.1, 33, 160, 120), SIZE))
    assert found.rotation == 0
    assert off(found, Similarity(13.4, -7.7, 1.1, 0, 160, 120)) < (0.5, 0.02, 1e-9)


def test_from_which_elongation_on_something_turns():
    assert outlined(ellipse(50, 50)).round
    assert outlined(ellipse(52, 50)).round
    assert not outlined(ellipse(60, 50)).round


def test_a_tall_subject_is_not_laid_over_a_box_aslant():
    """A bar overlaps a square best along its diagonal; nobody wants that."""
    assert align(SHAPES["bar"], SHAPES["square"]).rotation == 0


def test_two_elongated_subjects_point_the_same_way():
    lying, standing = ellipse(90, 30), moved(SHAPES["bar"], Similarity(rotation=70, px=160, py=120), SIZE)
    assert align(lying, standing).rotation == pytest.approx(70, abs=3)


@pytest.mark.parametrize("name", ["wavy", "another", "square"])
@pytest.mark.parametrize("hidden", [0.2, 0.35])
def test_what_is_partly_hidden_is_laid_by_what_is_seen(name, hidden):
    mask = SHAPES[name]
    true = about_centre(mask, 15, -8, 1.1, 12)
    whole = moved(mask, true, SIZE)
    part = whole.copy()
    part[:, : int(np.quantile(np.nonzero(whole)[1], hidden))] = False
    found = align(mask, part)
    assert overlap(moved(mask, found, SIZE), whole) > 0.95
    assert overlap(moved(mask, by_area(outlined(mask), outlined(part)), SIZE), whole) < 0.8


def noisy(mask: np.ndarray, px: float, seed: int) -> np.ndarray:
    """The mask with an outline that strays by so much (standard deviation), in waves of some four pixels."""
    waves = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=mask.shape), (0, 0), 4)
    return signed_distance(mask) + waves * px / waves.std() > 0


@pytest.mark.parametrize("seed", range(4))
def test_outlines_that_stray_are_averaged(seed):
    """By .6 px, as those of selections do."""
    mask = wavy(seed=seed, radius=45)
    true = about_centre(mask, 18, -9, 1.15, 25)
    whole = moved(mask, true, SIZE)
    found = align(noisy(mask, 0.6, seed), noisy(whole, 0.6, seed + 100))
    assert overlap(moved(mask, found, SIZE), whole) > 0.96


def test_a_part_is_hidden_and_outlines_stray():
    found, by_centre = [], []
    for seed in range(4):
        mask = wavy(seed=seed, radius=45)
        whole = moved(mask, about_centre(mask, 18, -9, 1.15, 12), SIZE)
        part = noisy(whole, 0.6, seed)
        part[:, : int(np.quantile(np.nonzero(whole)[1], 0.25))] = False
        found.append(overlap(moved(mask, align(mask, part), SIZE), whole))
        by_centre.append(overlap(moved(mask, by_area(outlined(mask), outlined(part)), SIZE), whole))
    assert np.mean(found) > 0.9 and np.mean(by_centre) < 0.75


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("wavy", "ellipse"),
        ("another", "wavy"),
        ("triangle", "square"),
        ("bar", "another"),
        ("ellipse", "triangle"),
    ],
)
def test_different_shapes_overlap_no_worse_than_by_centre_and_area(one, other):
    mask, goal = SHAPES[one], SHAPES[other]
    plain = overlap(moved(mask, by_area(outlined(mask), outlined(goal)), SIZE), goal)
    assert overlap(moved(mask, align(mask, goal), SIZE), goal) >= plain


def test_another_frame_size_is_contained_first():
    mask = wavy()
    size = (500, 400)
    true = Similarity(30, -20, 1.3, 15, 200, 250)
    goal = moved(mask, containing(SIZE, size).then(true), size)
    distance, scale, turn = off(
        align(mask, goal), true.about(*containing(SIZE, size)(*outlined(mask).shape.centre))
    )
    assert distance < 1 and scale < 0.01 and turn < 1


def test_large_pictures_are_worked_small_and_told_in_their_own_pixels():
    mask = wavy((1500, 2000), (1000, 750), 300)
    true = Similarity(200, -100, 0.8, 20, 1000, 750)
    distance, scale, turn = off(align(mask, moved(mask, true, mask.shape)), true)
    assert distance < 2 and scale < 0.01 and turn < 1


def test_nothing_to_align_is_told():
    with pytest.raises(UserError, match="nothing to align"):
        align(np.zeros(SIZE, bool), wavy())
    with pytest.raises(UserError, match="nothing to align"):
        align(wavy(), np.zeros(SIZE, bool))
    dot = np.zeros((2600, 40), bool)
    dot[7, 7] = True
    with pytest.raises(UserError, match="too small to be aligned"):
        align(dot, np.ones((2600, 40), bool))


def test_similarities_follow_each_other():
    one, other = Similarity(3, -2, 1.5, 30, 10, 20), Similarity(-7, 4, 0.6, -50, -3, 8)
    both = one.then(other)
    for point in ((0, 0), (17, -4), (100, 30)):
        assert both(*point) == pytest.approx(other(*one(*point)))
        assert one.about(5, 6)(*point) == pytest.approx(one(*point))
        assert one.inverse()(*one(*point)) == pytest.approx(point)
    assert containing((100, 200), (300, 300))(0, 0) == pytest.approx((0, 75))
    assert containing((100, 200), (300, 300))(200, 100) == pytest.approx((300, 225))
