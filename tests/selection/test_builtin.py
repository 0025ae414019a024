"""The built-in selector and finder keep the contracts of Selector and Finder."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.selection.builtin import BuiltIn, ColourFinder
from comogen_demo.selection.interface import UNSURE, Found
from tests.selection.test_click import iou

ROOT = Path(__file__).resolve().parents[2]
SIZE = 96, 128
GROUND, RED, BLUE = (120, 118, 110), (200, 40, 40), (40, 60, 200)
COUNT = 9


def disc(x, y, radius=12, size=SIZE):
    mask = np.zeros(size, np.uint8)
    cv2.circle(mask, (x, y), radius, 1, -1)
    return mask != 0


def picture(*things):
    """(mask, colour) of things, the last in front, on a ground with some grain: uint8 (H, W, 3)."""
    frame = np.full((*SIZE, 3), GROUND, np.float32)
    for mask, colour in things:
        frame[mask] = colour
    grain = np.random.default_rng(1).normal(0, 4, frame.shape)
    return np.clip(frame + grain, 0, 255).astype(np.uint8)


def going_right():
    """A red disc that goes 6 px to the right a frame: frames (T, H, W, 3), masks (T, H, W)."""
    masks = [disc(25 + 6 * t, 48) for t in range(COUNT)]
    return np.stack([picture((mask, RED)) for mask in masks]), np.stack(masks)


FRAMES, MASKS = going_right()


# Selecting


def test_points_a_box_and_a_mask_work_together():
    red, blue = disc(30, 48), disc(90, 48)
    frame, selector = picture((red, RED), (blue, BLUE)), BuiltIn()
    by_click, sure = selector.select(frame, [(30.0, 48.0, True)])
    assert iou(by_click, red) > 0.95 and sure > 0.7
    by_box, sure = selector.select(frame, box=(15, 33, 45, 63))
    assert iou(by_box, red) > 0.95 and sure > 0.7
    both, _ = selector.select(frame, [(90.0, 48.0, True)], mask=by_click)
    assert iou(both, red | blue) > 0.95
    same, _ = selector.select(frame, [(90.0, 48.0, True)], (15, 33, 45, 63))
    assert (same == both).all(), "a box and a point are asked one after the other"
    only, _ = selector.select(frame, [(90.0, 48.0, False)], mask=both)
    assert iou(only, red) > 0.95


def test_what_is_given_stays_as_it_was():
    frame, mask = FRAMES[0].copy(), MASKS[0].copy()
    selected, _ = BuiltIn().select(frame, [(100.0, 20.0, True)], mask=mask)
    list(BuiltIn().track(FRAMES, {0: mask}, 0, 3))
    assert (frame == FRAMES[0]).all() and (mask == MASKS[0]).all()
    assert selected is not mask and selected.dtype == bool


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "click the object or draw a box"),
        ({"points": [(200.0, 4.0, True)]}, "outside of the 128 x 96 px picture"),
        ({"points": [(float("nan"), 4.0, True)]}, "outside of the 128 x 96 px picture"),
        ({"box": (130, 0, 150, 50)}, "outside of the 128 x 96 px picture"),
        ({"box": (10, 10, 12, 50)}, "under 4 pixels"),
    ],
)
def test_a_selection_that_cannot_be_is_one_sentence(asked, said):
    with pytest.raises(UserError, match=said) as caught:
        BuiltIn().select(FRAMES[0], **asked)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


# Tracking


@pytest.mark.parametrize(
    ("start", "stop"), [(0, COUNT), (COUNT - 1, -1), (3, 7), (5, 1), (4, 5), (4, 3), (4, 4)]
)
def test_it_yields_the_frames_between_start_and_stop_in_their_order(start, stop):
    way = 1 if stop >= start else -1
    seen = list(BuiltIn().track(FRAMES, {start: MASKS[start]}, start, stop))
    assert [one.index for one in seen] == list(range(start + way, stop, way))
    for one in seen:
        assert one.mask.shape == SIZE and one.mask.dtype == bool
        assert iou(one.mask, MASKS[one.index]) > 0.93 and UNSURE < one.confidence <= 1


def test_the_same_again_is_the_same():
    once, again = (list(BuiltIn().track(FRAMES, {0: MASKS[0]}, 0, 4)) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        assert (one.mask == other.mask).all() and one.confidence == other.confidence


def test_it_looks_at_one_frame_at_a_time():
    """Frames are read no sooner than they are asked for, so that a caller can show and stop."""
    asked = []

    class Watched(np.ndarray):
        def __getitem__(self, index):
            asked.append(index)
            return np.asarray(super().__getitem__(index))

    steps = BuiltIn().track(FRAMES.view(Watched), {0: MASKS[0]}, 0, COUNT)
    next(steps)
    assert set(asked) == {0, 1}
    next(steps)
    assert set(asked) == {0, 1, 2}
    steps.close()


def test_two_at_once_keep_apart():
    there = FRAMES[::-1]
    alone = list(BuiltIn().track(FRAMES, {0: MASKS[0]}, 0, 4))
    selector = BuiltIn()
    one, other = selector.track(FRAMES, {0: MASKS[0]}, 0, 4), selector.track(there, {0: MASKS[-1]}, 0, 4)
    for expected in alone:
        seen = next(one)
        next(other)
        assert (seen.mask == expected.mask).all() and seen.confidence == expected.confidence


def test_a_correction_is_kept_and_changes_what_follows():
    """Two discs of one colour: the correction passes from the one to the other."""
    other = np.stack([disc(25 + 6 * t, 82) for t in range(COUNT)])
    frames = np.stack([picture((a, RED), (b, RED)) for a, b in zip(MASKS, other, strict=True)])
    seen = {one.index: one for one in BuiltIn().track(frames, {0: MASKS[0], 5: other[5]}, 0, COUNT)}
    assert list(seen) == list(range(1, COUNT))
    assert (seen[5].mask == other[5]).all() and seen[5].confidence == 1
    assert iou(seen[1].mask, MASKS[1]) > 0.9, "near the first mask it is still the first disc"
    assert all(iou(seen[t].mask, other[t]) > 0.9 for t in (4, 6, 7, 8))


def test_a_correction_beyond_the_span_helps_before_it():
    """Tracked from both ends: what is hidden from the first mask is known from the second."""
    masks = MASKS.copy()
    frames = FRAMES.copy()
    frames[2:5] = picture()
    masks[2:5] = False
    frames[5:] = np.stack(
        [picture((mask, BLUE)) for mask in masks[5:]]
    )  # not to be known again by its colour
    alone = {one.index: one for one in BuiltIn().track(frames, {0: masks[0]}, 0, 8)}
    helped = {one.index: one for one in BuiltIn().track(frames, {0: masks[0], 8: masks[8]}, 0, 8)}
    assert list(alone) == list(helped) == list(range(1, 8))
    for t in (5, 6, 7):
        assert iou(helped[t].mask, masks[t]) > 0.9
        assert not alone[t].mask.any() or alone[t].confidence < UNSURE
    assert iou(helped[1].mask, masks[1]) > 0.9


def test_after_an_empty_correction_there_is_nothing_until_the_next():
    given = {0: MASKS[0], 3: np.zeros(SIZE, bool), 6: MASKS[6]}
    seen = {one.index: one for one in BuiltIn().track(FRAMES, given, 0, COUNT)}
    assert not seen[3].mask.any() and seen[3].confidence == 1
    assert iou(seen[2].mask, MASKS[2]) > 0.9 and iou(seen[5].mask, MASKS[5]) > 0.9, "tracked from each side"
    alone = list(BuiltIn().track(FRAMES, {0: MASKS[0], 3: given[3]}, 0, COUNT))[3:]
    assert all(not one.mask.any() and one.confidence < UNSURE for one in alone)


@pytest.mark.parametrize(
    ("given", "start", "stop", "said"),
    [
        ({0: MASKS[0]}, 1, 4, "no selection at frame 2"),
        ({0: np.zeros(SIZE, bool)}, 0, 4, "frame 1 is empty"),
        ({0: np.ones((10, 20), bool)}, 0, 4, "is 20 x 10 px, the clip 128 x 96 px"),
        ({0: MASKS[0], 2: np.ones((10, 20), bool)}, 0, 4, "frame 3 is 20 x 10 px"),
        (
            {0: MASKS[0], COUNT: MASKS[0]},
            0,
            COUNT,
            f"selection at frame {COUNT + 1}, but the clip has {COUNT}",
        ),
        ({0: MASKS[0], -1: MASKS[0]}, 0, -1, "selection at frame 0, but the clip has"),
        ({0: MASKS[0]}, 0, COUNT + 1, f"has {COUNT} frames"),
        ({0: MASKS[0]}, 0, -2, f"has {COUNT} frames"),
        ({COUNT: MASKS[0]}, COUNT, 0, f"has {COUNT} frames"),
    ],
)
def test_a_track_that_cannot_be_is_one_sentence_before_the_first_frame(given, start, stop, said):
    with pytest.raises(UserError, match=said) as caught:
        BuiltIn().track(FRAMES, given, start, stop)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


# Finding


def test_a_colour_word_finds_what_has_that_colour():
    red, blue = disc(30, 48), disc(90, 48)
    frame = picture((red, RED), (blue, BLUE))
    (found,) = ColourFinder().find(frame, "the red cube")
    assert isinstance(found, Found) and found.words == "red"
    assert found.box == pytest.approx((18, 36, 43, 61), abs=1.5) and 0.5 < found.confidence <= 1
    assert [one.words for one in ColourFinder().find(frame, "Blue or RED")] in (
        ["blue", "red"],
        ["red", "blue"],
    )
    assert ColourFinder().find(frame, "a violet ball") == [], "known, but not here"


def test_the_best_comes_first_and_boxes_lie_in_the_frame():
    clear, cut = disc(40, 48), disc(4, 90)
    found = ColourFinder().find(picture((clear, RED), (cut, RED)), "red")
    assert len(found) == 2 and found[0].confidence >= found[1].confidence
    assert found[0].box[0] > 20, "what the frame cuts off is the less likely one"
    for one in found:
        assert 0 <= one.box[0] < one.box[2] <= SIZE[1] and 0 <= one.box[1] < one.box[3] <= SIZE[0]


@pytest.mark.parametrize("words", ["the cube", "man", "", "42", "reddish"])
def test_words_without_a_colour_are_one_sentence_with_the_colours_it_knows(words):
    with pytest.raises(
        UserError, match=r"knows colours only \(red, orange, .*Grounding DINO.*click the object\.$"
    ):
        ColourFinder().find(FRAMES[0], words)


@pytest.mark.parametrize(
    ("word", "colour"),
    [
        ("orange", (235, 130, 30)),
        ("yellow", (230, 210, 40)),
        ("green", (40, 150, 60)),
        ("turquoise", (40, 190, 200)),
        ("purple", (120, 50, 180)),
        ("magenta", (220, 60, 170)),
        ("brown", (120, 70, 30)),
        ("white", (245, 245, 245)),
        ("black", (15, 15, 15)),
    ],
)
def test_it_knows_the_colours_by_name(word, colour):
    (found,) = ColourFinder().find(picture((disc(60, 40), colour)), f"a {word} thing")
    assert found.box == pytest.approx((48, 28, 73, 53), abs=1.5)


def test_large_pictures_have_boxes_in_their_own_pixels():
    frame = cv2.resize(picture((disc(30, 48), RED)), (1280, 960), interpolation=cv2.INTER_NEAREST)
    (found,) = ColourFinder().find(frame, "red")
    assert found.box == pytest.approx((180, 360, 430, 610), abs=8)


def test_importing_it_brings_no_torch():
    code = "import sys, comogen_demo.selection, comogen_demo.selection.builtin; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
