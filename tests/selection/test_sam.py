"""SAM 2 with random weights, all of its layers: every path runs, and answers as the package's own scripts do.

Pictures are seen at full size; videos, which take far longer, at half the side.
"""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.selection.choice import Models
from comogen_demo.selection.sam import Sam2
from tests.selection.networks import Memory, film, know, left_empty, write_sam

CONFIG = "configs/sam2.1/sam2.1_hiera_t.yaml"
HALF = ["++model.image_size=512"]
FRAMES, MASKS = film()
MIDDLE, CORNER = (40.0, 60.0, True), (150.0, 8.0, True)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_sam(tmp_path_factory.mktemp("sam"))


@pytest.fixture(scope="module")
def memory():
    return Memory()


@pytest.fixture(scope="module")
def sam(checkpoint, memory):
    """SAM 2 as it is chosen where its weights are."""
    with pytest.MonkeyPatch.context() as patch, left_empty():
        know(patch, checkpoint.parent)
        sam = Models().selector()
    assert isinstance(sam, Sam2) and sam.name == "SAM 2 tiny" and sam.device == "cpu"
    memory.serve(sam._network)
    return sam


@pytest.fixture(scope="module")
def tracker(checkpoint, memory):
    from sam2 import build_sam

    build = functools.partial(build_sam.build_sam2_video_predictor, hydra_overrides_extra=HALF)
    with pytest.MonkeyPatch.context() as patch, left_empty():
        patch.setattr(build_sam, "build_sam2_video_predictor", build)
        tracker = Sam2(checkpoint)
    memory.serve(tracker._network)
    return tracker


@pytest.fixture(scope="module")
def package(checkpoint, memory):
    """The package's own image predictor of FRAMES[0]."""
    from sam2.build_sam import build_sam2
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    with left_empty():
        network = build_sam2(CONFIG, str(checkpoint), device="cpu")
    predictor = SAM2ImagePredictor(memory.serve(network))
    predictor.set_image(FRAMES[0])
    return predictor


def test_a_click_answers_as_the_package_does(sam, package):
    for x, y, positive in (MIDDLE, CORNER):
        mask, confidence = sam.select(FRAMES[0], [(x, y, positive)])
        masks, quality, _ = package.predict(np.array([[x, y]]), np.array([1]), multimask_output=True)
        assert (mask == (masks[quality.argmax()] > 0)).all()
        assert confidence == pytest.approx(quality.max(), abs=1e-4)
        assert mask.shape == (120, 160) and mask.dtype == bool and 0.01 < mask.mean() < 0.99


def test_points_and_a_box_answer_as_the_package_does(sam, package):
    points = [MIDDLE, (150.0, 8.0, False)]
    mask, confidence = sam.select(FRAMES[0], points)
    places, signs = np.array([point[:2] for point in points]), np.array([1, 0])
    masks, quality, _ = package.predict(places, signs, multimask_output=False)
    assert (mask == (masks[0] > 0)).all() and confidence == pytest.approx(quality[0], abs=1e-4)
    mask, confidence = sam.select(FRAMES[0], box=(62, 82, 18, 38))
    masks, quality, _ = package.predict(box=np.array([18, 38, 62, 82]), multimask_output=False)
    assert (mask == (masks[0] > 0)).all() and confidence == pytest.approx(quality[0], abs=1e-4)


def test_different_prompts_give_different_masks(sam):
    asked = [
        sam.select(FRAMES[0], [MIDDLE])[0],
        sam.select(FRAMES[0], [CORNER])[0],
        sam.select(FRAMES[0], box=(18, 38, 62, 82))[0],
        sam.select(FRAMES[0], [MIDDLE], mask=MASKS[0])[0],
        sam.select(FRAMES[0], [MIDDLE], mask=~MASKS[0])[0],
        sam.select(FRAMES[1], [MIDDLE])[0],
    ]
    assert len({mask.tobytes() for mask in asked}) == len(asked)


def test_a_box_adds_to_the_mask_and_asking_again_changes_nothing(sam):
    alone, _ = sam.select(FRAMES[0], box=(90, 10, 150, 60))
    joined, _ = sam.select(FRAMES[0], box=(90, 10, 150, 60), mask=MASKS[0])
    assert (joined == (alone | MASKS[0])).all()
    first, _ = sam.select(FRAMES[0], [MIDDLE], mask=MASKS[0])
    sam.select(FRAMES[1], [CORNER])
    assert (sam.select(FRAMES[0], [MIDDLE], mask=MASKS[0])[0] == first).all()


def test_a_second_click_on_the_same_picture_is_quick(sam, monkeypatch):
    seen = []
    embed = sam._network.forward_image
    monkeypatch.setattr(sam._network, "forward_image", lambda image: seen.append(1) or embed(image))
    sam.to("cpu")
    sam.select(FRAMES[1], [MIDDLE])
    sam.select(FRAMES[1].copy(), [CORNER])
    assert len(seen) == 1
    sam.select(FRAMES[0], [MIDDLE])
    sam.to("cpu")
    sam.select(FRAMES[0], [MIDDLE])
    assert len(seen) == 3, "another picture, and what was seen is forgotten after a move"


@pytest.mark.parametrize(
    "asked",
    [
        {"points": [(161.0, 4.0, True)]},
        {"points": [(float("nan"), 4.0, True)]},
        {"box": (170, 0, 200, 50)},
        {"box": (10, 10, 10, 50)},
        {},
    ],
)
def test_a_place_outside_of_the_picture_is_refused(sam, asked):
    with pytest.raises(UserError, match=r"draw|click"):
        sam.select(FRAMES[0], **asked)


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """FRAMES as a folder of JPEGs, and the pixels that are in those."""
    folder = tmp_path_factory.mktemp("jpegs")
    for index, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(folder / f"{index:05d}.jpg", quality=95)
    return folder, np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


@pytest.fixture(scope="module")
def script(checkpoint, decoded, memory):
    """What the package's own script gives for the folder: masks by frame, for masks given at some frames."""
    from sam2.build_sam import build_sam2_video_predictor

    with left_empty():
        network = build_sam2_video_predictor(
            CONFIG, str(checkpoint), device="cpu", hydra_overrides_extra=HALF
        )
    predictor = memory.serve(network)
    state = predictor.init_state(str(decoded[0]))

    def run(given, start, reverse=False):
        predictor.reset_state(state)
        for index, mask in given.items():
            predictor.add_new_mask(state, index, 7, mask)
        steps = predictor.propagate_in_video(state, start_frame_idx=start, reverse=reverse)
        return {index: logits[0, 0].numpy() > 0 for index, _, logits in steps}

    return run


def test_tracking_answers_as_the_package_does(tracker, decoded, script):
    tracked = list(tracker.track(decoded[1], {0: MASKS[0]}, 0, 3))
    theirs = script({0: MASKS[0]}, 0)
    assert [step.index for step in tracked] == [1, 2]
    assert all((step.mask == theirs[step.index]).all() for step in tracked)
    assert all(0 < step.confidence < 1 for step in tracked)
    assert any(0.01 < step.mask.mean() < 0.99 for step in tracked), (
        "some of the picture, not all and not nothing"
    )


@pytest.mark.parametrize("where", [1, 2])
def test_a_correction_answers_as_in_the_package_and_has_its_say(tracker, decoded, script, where):
    given = {0: MASKS[0], where: ~MASKS[where]}
    tracked = {step.index: step for step in tracker.track(decoded[1], given, 0, 3)}
    free = {step.index: step for step in tracker.track(decoded[1], {0: MASKS[0]}, 0, 3)}
    other = 3 - where
    assert list(tracked) == [1, 2]
    assert (tracked[where].mask == ~MASKS[where]).all(), "what was drawn stays as it was drawn"
    assert tracked[where].confidence == 1
    assert (tracked[other].mask == script(given, 0)[other]).all()
    assert tracked[other].confidence != free[other].confidence
    assert (tracked[other].mask != free[other].mask).any(), "before and after it"


def test_tracking_back_answers_as_the_package_does(tracker, decoded, script):
    (step,) = tracker.track(decoded[1], {1: MASKS[1]}, 1, -1)
    assert step.index == 0
    assert (step.mask == script({1: MASKS[1]}, 1, reverse=True)[0]).all()


def test_nothing_is_to_be_tracked_between_neighbours(tracker):
    assert (
        list(tracker.track(FRAMES, {1: MASKS[1]}, 1, 2))
        == list(tracker.track(FRAMES, {1: MASKS[1]}, 1, 0))
        == []
    )


def test_closing_ends_the_tracking_and_two_at_once_keep_apart(tracker, decoded):
    here, there = decoded[1], decoded[1][::-1]
    alone = next(tracker.track(here, {0: MASKS[0]}, 0, 3))
    one, two = tracker.track(here, {0: MASKS[0]}, 0, 3), tracker.track(there, {0: MASKS[2]}, 0, 3)
    first, second = next(one), next(two)
    assert (first.mask == alone.mask).all() and first.confidence == alone.confidence
    assert (first.mask != second.mask).any()
    assert not torch.is_autocast_enabled("cpu") and not torch.is_inference_mode_enabled()
    one.close()
    two.close()
    assert next(one, None) is None
    assert not tracker._network.sam_mask_decoder._forward_hooks


def test_two_threads_at_once_keep_apart(sam):
    """Every answer is about the asker's own picture: the predictor holds one at a time."""
    alone = [sam.select(frame, [MIDDLE])[0] for frame in FRAMES[:2]]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda n: sam.select(FRAMES[n % 2], [MIDDLE])[0], range(8)))
    assert (alone[0] != alone[1]).any()
    assert all((answer == alone[n % 2]).all() for n, answer in enumerate(answers))


def test_a_truncated_checkpoint_is_one_sentence(checkpoint, tmp_path):
    path = tmp_path / checkpoint.name
    with checkpoint.open("rb") as whole:
        path.write_bytes(whole.read(1 << 20))
    with pytest.raises(UserError, match=r"sam2\.1_hiera_tiny\.pt is damaged .* SAM 2 tiny: delete it"):
        Sam2(path)
