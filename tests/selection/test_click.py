"""One click -> one object: in the embedded world, and on plain pictures."""

import time

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.selection import select_by_click
from comogen_demo.world import first_frame, sample_scene


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def middle(mask: np.ndarray) -> tuple[float, float]:
    """The pixel (x, y) of a mask that is farthest from its edge."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return column + 0.5, row + 0.5


@pytest.fixture(scope="module")
def scenes():
    """12 scenes at 512 px: frame, visible masks (N, H, W)."""
    return [first_frame(sample_scene("val", index), size=512) for index in range(12)]


def objects(scenes):
    return [(frame, mask) for frame, masks in scenes for mask in masks if mask.sum() > 100]


def test_a_click_in_the_middle_selects_the_object(scenes):
    scores, sure = [], []
    for frame, mask in objects(scenes):
        selected, confidence = select_by_click(frame, *middle(mask))
        scores.append(iou(selected, mask))
        sure.append(confidence)
    assert len(scores) >= 20
    assert np.mean(np.array(scores) >= 0.95) >= 0.95
    assert min(sure) > 0.7


def test_a_click_anywhere_well_inside_selects_the_object(scenes):
    """Highlights and dark sides included."""
    random = np.random.default_rng(0)
    scores = []
    for frame, mask in objects(scenes):
        rows, columns = np.nonzero(cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8)))
        if len(rows):
            pick = random.integers(len(rows))
            scores.append(iou(select_by_click(frame, columns[pick] + 0.5, rows[pick] + 0.5)[0], mask))
    assert np.mean(np.array(scores) >= 0.9) >= 0.95


def test_the_table_is_no_object(scenes):
    random = np.random.default_rng(1)
    confidences = []
    for frame, masks in scenes:
        free = cv2.dilate(masks.any(axis=0).astype(np.uint8), np.ones((31, 31), np.uint8)) == 0
        rows, columns = np.nonzero(free)
        pick = random.integers(len(rows))
        confidences.append(select_by_click(frame, columns[pick] + 0.5, rows[pick] + 0.5)[1])
    assert np.median(confidences) < 0.05
    assert max(confidences) < 0.4


def test_it_is_quick_on_the_world(scenes):
    frame, masks = scenes[0]
    times = []
    for _ in range(5):
        start = time.process_time()
        select_by_click(frame, *middle(masks[0]))
        times.append(time.process_time() - start)
    assert min(times) < 0.03


@pytest.mark.parametrize("size", [128, 256, 600])
def test_other_resolutions_work_too(size):
    frame, masks = first_frame(sample_scene("val", 1), size=size)
    selected, _ = select_by_click(frame, *middle(masks[0]))
    assert selected.shape == (size, size)
    assert iou(selected, masks[0]) > 0.92


def test_a_highlight_belongs_to_its_ball():
    frame = np.full((256, 256, 3), 130, np.uint8)
    cv2.circle(frame, (128, 128), 60, (190, 30, 30), -1)
    cv2.circle(frame, (115, 105), 8, (255, 250, 250), -1)
    selected, confidence = select_by_click(frame, 115, 105)
    assert selected[105, 115]
    assert selected.sum() == pytest.approx(np.pi * 60**2, rel=0.03)
    assert confidence > 0.7


def test_an_object_in_front_is_left_out():
    frame = np.full((256, 256, 3), 130, np.uint8)
    cv2.rectangle(frame, (50, 50), (200, 200), (30, 60, 200), -1)
    cv2.circle(frame, (125, 125), 30, (220, 200, 20), -1)
    selected, _ = select_by_click(frame, 70, 70)
    assert selected[60, 60]
    assert not selected[125, 125]


def test_a_grey_subject_on_a_coloured_ground_is_cut_out():
    random = np.random.default_rng(0)
    frame = np.full((300, 400, 3), (70, 110, 60), np.uint8)
    truth = np.zeros((300, 400), np.uint8)
    cv2.ellipse(truth, (200, 150), (60, 40), 0, 0, 360, 1, -1)
    frame[truth == 1] = (235, 235, 235)
    frame = np.clip(frame + random.normal(0, 6, frame.shape), 0, 255).astype(np.uint8)
    selected, confidence = select_by_click(frame, 200, 150)
    assert iou(selected, truth == 1) > 0.9
    assert 0.4 < confidence <= 0.8
    again, _ = select_by_click(frame, 200, 150)
    assert np.array_equal(selected, again)


def test_plain_pictures_give_no_confidence():
    frame = np.full((64, 80, 3), (120, 30, 30), np.uint8)
    for x, y in ((0, 0), (80, 64), (40, 32)):
        mask, confidence = select_by_click(frame, x, y)
        assert mask.shape == (64, 80)
        assert confidence == 0


@pytest.mark.parametrize(("x", "y"), [(-1, 5), (5, -1), (81, 5), (5, 65), (float("nan"), 5)])
def test_clicks_outside_are_refused(x, y):
    with pytest.raises(UserError, match="outside of the 80 x 64 px picture"):
        select_by_click(np.zeros((64, 80, 3), np.uint8), x, y)
