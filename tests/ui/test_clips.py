"""What the server keeps of driving videos, and how their masks are shown."""

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.ui.clip_pictures import overlay
from comogen_demo.ui.clips import Clips, Gone
from tests.ui.card import HEIGHT, WIDTH, disc


def test_clips_are_bounded_in_number_and_bytes_and_age(film, tmp_path):
    clips = Clips(tmp_path / "clips", keep=2)
    made = [clips.add(film, "me") for _ in range(3)]
    assert len(clips) == 2 and not made[0].folder.exists() and made[2].folder.exists()
    with pytest.raises(Gone):
        clips.get(made[0].id, "me")
    clips.get(made[1].id, "me")  # used last, so the other goes
    clips._most = made[1].bytes() + 10
    clips.tidy()
    assert len(clips) == 1 and made[1].folder.exists()
    clips._most, clips._idle = 2**30, -1.0
    newest = clips.add(film, "me")
    assert len(clips) == 1 and clips.get(newest.id, "me") is newest
    bad = tmp_path / "letter.mp4"
    bad.write_text("Dear sir or madam")
    with pytest.raises(UserError):
        clips.add(bad, "me")
    assert len(list((tmp_path / "clips").iterdir())) == 1


def test_a_clip_is_its_owners_alone(film, tmp_path):
    clips = Clips(tmp_path / "clips")
    clip = clips.add(film, "me")
    for id, owner in (
        (clip.id, "you"),
        (clip.id, ""),
        (clip.id, "mé"),
        ("0" * 32, "me"),
        ("", "me"),
        ("../x", "me"),
    ):
        with pytest.raises(Gone, match="not kept"):
            clips.get(id, owner)
    assert clips.get(clip.id, "me") is clip


def test_the_overlay_shows_the_mask_and_a_rim_within_the_frame():
    mask = disc(0)
    mask[:40] = True  # also along the frame's edge
    picture = cv2.imdecode(np.frombuffer(overlay(mask), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert (picture[mask][:, 3] > 0).all() and (picture[0, :, :3] == 255).all()
    assert not picture[~mask & (cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) == 0)].any()
