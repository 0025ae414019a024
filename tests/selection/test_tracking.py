"""How well the built-in tracker follows: through occlusions of the embedded world, and what is made to mislead it."""

import cv2
import numpy as np
import pytest

from comogen_demo.evaluation.regions import j_and_f, region_similarity
from comogen_demo.selection.interface import UNSURE
from comogen_demo.selection.tracking import Follower
from comogen_demo.world import make_clip

SIZE = 120, 200
COVERED = 5, 41, 66  # clips of the validation split; another object covers a third to a half of the subject


def follow(frames, mask):
    """Masks and confidences of all frames after the first."""
    follower = Follower(frames[0], mask)
    masks, sure = zip(*(follower.step(frame) for frame in frames[1:]), strict=True)
    return np.stack(masks), np.array(sure)


def mottled(seed, tint, size=SIZE, cell=6):
    """Blotches about a colour: float32 (H, W, 3)."""
    height, width = size
    coarse = np.random.default_rng(seed).normal(0, 1, (height // cell + 2, width // cell + 2, 1))
    fine = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine[:, :, None] * 18 + np.array(tint, np.float32))


def shown(*layers):
    """The ground, then (mask, colours float32 (H, W, 3)) in their order: uint8 (H, W, 3)."""
    frame = mottled(0, (105, 115, 100))
    for mask, colours in layers:
        frame[mask] = colours[mask]
    return np.clip(frame, 0, 255).astype(np.uint8)


def disc(x, y, radius=18):
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, (round(x), round(y)), radius, 1, -1)
    return mask != 0


def coat(x, y):
    """The subject's own blotches, which go along with it: float32 (H, W, 3)."""
    return np.roll(mottled(3, (190, 60, 50)), (round(y), round(x)), (0, 1))


def bar(left, right):
    mask = np.zeros(SIZE, bool)
    mask[:, left:right] = True
    return mask


GREY = np.full((*SIZE, 3), (60, 70, 120), np.float32)


@pytest.fixture(scope="module", params=COVERED)
def occluded(request):
    """A clip of the world with its subject's visible and whole masks (T, H, W), and what is tracked."""
    clip = make_clip("val", request.param, 128)
    subject = clip.controlled[0]
    truth = clip.visible[:, subject]
    return truth, clip.amodal[:, subject], *follow(clip.frames, truth[0])


def test_it_follows_through_an_occlusion(occluded):
    truth, whole, masks, _ = occluded
    assert (truth[1:].sum((1, 2)) / whole[1:].sum((1, 2))).min() < 0.75, "or the clip shows nothing"
    scores = [j_and_f(mask, true) for mask, true in zip(masks, truth[1:], strict=True)]
    assert np.mean(scores) > 0.93 and min(scores) > 0.8


def test_it_is_sure_in_the_open(occluded):
    truth, whole, _, sure = occluded
    in_the_open = truth[1:].sum((1, 2)) > 0.9 * whole[1:].sum((1, 2))
    assert (sure[in_the_open] >= UNSURE).all()


def test_it_is_lost_behind_a_wall_says_so_and_finds_the_subject_again():
    wall = bar(90, 150)
    places = [(30 + 9 * t, 60) for t in range(17)]
    frames = np.stack([shown((disc(*at), coat(*at)), (wall, GREY)) for at in places])
    truth = np.stack([disc(*at) & ~wall for at in places])
    masks, sure = follow(frames, truth[0])
    area = truth[1:].sum((1, 2)) / truth[0].sum()
    assert (area == 0).sum() >= 2 and area[-1] == 1, "or the clip shows nothing"
    assert not masks[area == 0].any() and (sure[area == 0] == 0).all()
    assert (sure[area < 0.4] < UNSURE).all() and (sure[:5] > UNSURE).all()
    assert region_similarity(masks[-1], truth[-1]) > 0.85
    assert sure[-1] < sure[0], "it may be another one"


def test_confidence_falls_as_the_subject_is_covered():
    subject = disc(70, 60)
    frames = np.stack([shown((subject, coat(70, 60)), (bar(0, 46 + 4 * t), GREY)) for t in range(12)])
    masks, sure = follow(frames, subject & ~bar(0, 46))
    for t in (3, 6):
        assert region_similarity(masks[t], subject & ~bar(0, 50 + 4 * t)) > 0.85
    assert sure[0] > sure[5] > sure[8] and sure[0] > 0.8
    assert sure[-1] == 0 and not masks[-1].any()


def test_confidence_falls_when_another_thing_takes_the_place():
    """From one frame to the next the red disc is a blue one: what is there is not what was given."""
    subject, blue = disc(70, 60), mottled(5, (40, 60, 190))
    frames = [shown((subject, coat(70, 60)))] * 4 + [shown((subject, blue))] * 4
    _, sure = follow(np.stack(frames), subject)
    assert (sure[:3] > 0.8).all()
    assert (sure[3:] < UNSURE).all()


def test_a_twin_that_passes_in_front_is_not_taken_for_the_subject():
    """Both are red; the twin goes the other way, over the subject."""
    there = [(40 + 6 * t, 60) for t in range(16)]
    twin = [(160 - 6 * t, 60) for t in range(16)]
    frames = np.stack(
        [shown((disc(*a), coat(*a)), (disc(*b, 12), coat(*b))) for a, b in zip(there, twin, strict=True)]
    )
    masks, sure = follow(frames, disc(*there[0]))
    overlap = region_similarity(masks[-1], disc(*there[-1]))
    assert overlap > 0.8 or sure[-1] < UNSURE


def test_it_follows_what_turns_and_grows():
    truth, frames = [], []
    for t in range(12):
        mask = np.zeros(SIZE, np.uint8)
        cv2.ellipse(mask, (60 + 5 * t, 60), (round(22 * 1.03**t), round(11 * 1.03**t)), 9 * t, 0, 360, 1, -1)
        truth.append(mask != 0)
        frames.append(shown((truth[-1], mottled(3, (190, 60, 50), cell=30))))
    masks, sure = follow(np.stack(frames), truth[0])
    assert min(region_similarity(mask, true) for mask, true in zip(masks, truth[1:], strict=True)) > 0.85
    assert (sure > UNSURE).all()


def test_large_pictures_are_followed_to_their_own_pixels():
    places = [(50 + 5 * t, 60) for t in range(5)]
    frames = [
        cv2.resize(shown((disc(*at, 30), coat(*at))), (1200, 720), interpolation=cv2.INTER_CUBIC)
        for at in places
    ]
    truth = [
        cv2.resize(disc(*at, 30).astype(np.float32), (1200, 720), interpolation=cv2.INTER_CUBIC) > 0.5
        for at in places
    ]
    masks, _ = follow(np.stack(frames), truth[0])
    assert min(region_similarity(mask, true) for mask, true in zip(masks, truth[1:], strict=True)) > 0.95


def test_a_subject_that_leaves_the_frame_is_gone():
    places = [(150 + 12 * t, 60) for t in range(9)]
    frames = np.stack([shown((disc(*at), coat(*at))) for at in places])
    masks, sure = follow(frames, disc(*places[0]))
    assert region_similarity(masks[2], disc(*places[3])) > 0.85
    assert not masks[-1].any() and sure[-1] == 0
