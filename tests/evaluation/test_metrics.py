import numpy as np
import pytest

from comogen_demo.evaluation.intervals import estimate
from comogen_demo.evaluation.metrics import score

from .discs import FRAMES, draw, line, rest, truth

# The subject goes right by 40 px and drives the second object on by 24 px down; the third stays.
SUBJECT, PUSHED, STAYS = line((20, 30), (60, 30)), line((80, 40), (80, 64)), rest((40, 100))
SCENE = [SUBJECT, PUSHED, STAYS]


def figures(frames, scene=SCENE, **options):
    return {name: value.mean for name, value in estimate([score(truth(scene, **options), frames)]).items()}


@pytest.mark.parametrize("size", [128, 256])
def test_the_truth_itself_scores_perfectly(size):
    got = figures(draw(SCENE, size)[0], size=size)
    assert got["subject_iou"] == 1 and got["reaction_skill"] == 1 and got["ssim"] == pytest.approx(1)
    assert got["subject_error_px"] == got["reaction_error_px"] == got["false_motion"] == got["vanished"] == 0


@pytest.mark.parametrize("size", [128, 256])
def test_standing_still_has_no_skill_and_the_known_errors(size):
    got = figures(draw([rest(track[0]) for track in SCENE], size)[0], size=size)
    assert got["reaction_skill"] == pytest.approx(0, abs=1e-9)
    assert got["subject_error_px"] == pytest.approx(np.mean([5, 10, 15, 20, 25, 30, 35, 40]), abs=0.1)
    assert got["reaction_error_px"] == pytest.approx(np.mean([3, 6, 9, 12, 15, 18, 21, 24]), abs=0.1)
    assert got["false_motion"] == got["vanished"] == 0


def test_half_the_motion_is_half_the_skill():
    got = figures(draw([SUBJECT, line((80, 40), (80, 52)), STAYS])[0])
    assert got["reaction_skill"] == pytest.approx(0.5, abs=0.01)
    assert got["subject_iou"] == 1


def test_a_motion_to_the_wrong_side_is_worse_than_none():
    got = figures(draw([SUBJECT, line((80, 40), (80, 16)), STAYS])[0])
    assert got["reaction_skill"] == pytest.approx(-1, abs=0.01)


def test_the_reaction_is_measured_from_its_onset_on():
    late = np.concatenate([rest((80, 40), 5), line((80, 40), (80, 64), 5)[1:]])
    scene = [SUBJECT, late, STAYS]
    still = figures(draw([SUBJECT, rest((80, 40)), STAYS])[0], scene)
    assert still["reaction_error_px"] == pytest.approx(np.mean([6, 12, 18, 24]), abs=0.1)


def test_a_vanished_object_is_a_failure_never_a_missing_value():
    shown = np.ones((FRAMES, 3), bool)
    shown[4:, 1] = False  # last seen at 9 px of its way
    got = figures(draw(SCENE, shown=shown)[0])
    assert got["vanished"] == pytest.approx(1 / 3)
    # errors 0 while seen, then that of standing still, the larger one
    assert got["reaction_error_px"] == pytest.approx((12 + 15 + 18 + 21 + 24) / 8, abs=0.1)
    shown = np.ones((FRAMES, 3), bool)
    shown[1:, 0] = False
    got = figures(draw(SCENE, shown=shown)[0])
    assert got["subject_iou"] == 0
    assert got["subject_error_px"] == pytest.approx(22.5, abs=0.1)


@pytest.mark.parametrize(("shift", "expected"), [(2, 0), (6, 1)])
def test_false_motion_starts_at_three_pixels(shift, expected):
    got = figures(draw([SUBJECT, PUSHED, line((40, 100), (40 + shift, 100))])[0])
    assert got["false_motion"] == expected
    assert got["reaction_skill"] == 1


def test_hiding_a_resting_object_is_neither_motion_nor_reaction():
    """The subject is pasted over both neighbours on its way, as cutting and pasting does; nothing else moves."""
    resting, pushed = rest((60, 36)), np.concatenate([rest((60, 60), 3), line((60, 60), (84, 60), 6)])
    scene = [resting, pushed, line((30, 30), (30, 110))]
    wrong = [resting, rest((60, 60)), line((30, 48), (72, 48))]  # the last disc is the subject and in front
    got = figures(draw(wrong)[0], scene, controlled=(2,))
    assert got["false_motion"] == 0
    assert got["reaction_skill"] == pytest.approx(0, abs=0.02)


def test_objects_out_of_the_frame_do_not_count():
    gone = [SUBJECT, line((110, 60), (190, 60)), STAYS]
    got = figures(draw(gone)[0], gone)
    assert got["reaction_skill"] == 1 and got["vanished"] == 0
    ghost = figures(draw([SUBJECT, rest((110, 60)), STAYS])[0], gone)
    assert ghost["reaction_skill"] == pytest.approx(0, abs=1e-9)


def test_the_first_frame_is_given_and_not_measured():
    frames = draw(SCENE)[0]
    frames[0] = 0
    got = figures(frames)
    assert got["subject_iou"] == 1 and got["psnr"] == 100


def test_frames_of_another_size_are_refused():
    with pytest.raises(ValueError, match="against a truth"):
        score(truth(SCENE), draw(SCENE, 64)[0])
