"""The subject is found by its colours and compared with its mask."""

import numpy as np

from comogen_demo.control.report import measure_control
from comogen_demo.world import make_clip


def test_the_true_video_scores_high_and_a_still_one_low():
    clip = next(
        c for c in (make_clip("val", i) for i in range(40)) if moved(c) > 25 and len(c.controlled) == 1
    )
    masks = clip.subject_masks()
    true = measure_control(clip.frames[0], clip.frames, masks)
    still = measure_control(clip.frames[0], np.repeat(clip.frames[:1], 25, 0), masks)
    assert len(true.iou) == 25
    assert true.mean > 0.85
    assert still.mean < 0.5
    assert still.iou[0] == true.iou[0] > 0.85


def test_without_a_mask_on_the_first_frame_there_is_no_measure():
    frames = np.zeros((5, 16, 16, 3), np.uint8)
    masks = np.zeros((5, 16, 16), bool)
    masks[3, 4:8, 4:8] = True
    report = measure_control(frames[0], frames, masks)
    assert np.isnan(report.mean) and len(report.iou) == 5


def moved(clip) -> float:
    ys, xs = (np.nonzero(clip.subject_masks()[t]) for t in (0, -1))
    if not len(ys[0]) or not len(xs[0]):
        return 0.0
    return float(np.hypot(ys[0].mean() - xs[0].mean(), ys[1].mean() - xs[1].mean()))
