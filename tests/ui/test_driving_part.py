"""The driving video's part, and files that are none."""

import subprocess

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from tests.ui.card import CARD, FPS, WIDTH, cut_of, disc, iou, red_of, way


def test_a_part_is_cut_out_by_handles_and_numbers(screen, card, server, film):
    card.give(film)
    page = screen.page
    card.stage("cut")
    card.says("count", "24 frames")
    page.locator("#driving .trim").scroll_into_view_if_needed()
    strip = page.locator("#driving .trim").bounding_box()
    grip = page.locator("#driving .grip[data-side=start]").bounding_box()
    y = strip["y"] + strip["height"] / 2
    page.mouse.move(grip["x"] + grip["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] / 2, y, steps=5)
    page.mouse.up()
    assert card.number("start") == pytest.approx(1, abs=0.02)
    page.focus("#driving .grip[data-side=end]")
    page.keyboard.press("PageDown")  # ten frames
    assert card.number("end") == pytest.approx(2 - 10 / FPS, abs=0.01)
    card.fill(start="0", end="2", fps="80")  # above what is offered
    card.says("count", "120 frames")
    assert card.number("fps") == 60 and page.locator("#driving [data-do=cut]").is_enabled()
    card.fill(fps="")
    assert card.number("fps") == 60
    card.fill(start="0.5", end="1.5", fps="6")
    card.says("count", "6 frames, 1.00 s.")
    card.do("cut")
    card.stage("work")
    cut = cut_of(server, card)
    assert len(cut) == 6
    assert all(iou(red_of(cut.frames[i]), disc(6 + 2 * i)) > 0.9 for i in range(6))

    card.seek(2)  # given at 0.83 s, which is in the next part as well
    card.click(*way(10))
    card.given(1)
    card.do("recut")
    card.fill(start="0", fps="12")
    card.do("cut")
    card.says("clock", "11 / 18")
    card.idle()
    cut = cut_of(server, card)
    assert list(cut.tracking.given) == [10] and iou(cut.tracking.given[10], disc(10)) > 0.9
    card.do("recut")
    card.fill(end="0.5")
    card.do("cut")
    card.told("of a picture that is not in this part")
    assert cut_of(server, card).tracking.given == {}


def test_a_wrong_place_is_told_and_changes_nothing(screen, card, server, film):
    card.bring(film)
    card.click(WIDTH - 20, 20)
    card.told("nothing that can be told apart here")
    card.do("box")
    card.box((250, 20), (300, 60))
    card.told("nothing in this box")
    card.box((20, 40), (110, 150))
    card.given(1)
    cut = cut_of(server, card)
    assert iou(cut.tracking.masks[0], disc(0)) > 0.9
    screen.page.keyboard.down("Alt")
    card.box((12, 12), (200, 160))
    screen.page.keyboard.up("Alt")
    card.told("Nothing of the subject would be left")
    assert iou(cut.tracking.masks[0], disc(0)) > 0.9
    card.put("press Track first")
    assert screen.draft()["doc"]["tracks"] == []


def made(path, *arguments):
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", *arguments, "-y", str(path)], check=True)
    return path


def test_bad_files_are_told_and_keep_the_clip_that_is_there(screen, card, server, film, tmp_path):
    card.bring(film)
    card.click(*way(0))
    card.given(1)
    id, kept = card.id(), len(server.studio.clips)
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1", "-c:a", "aac")
    hours = ("-f", "lavfi", "-i", "color=red:size=32x32:rate=1/100:duration=7200")
    text, empty, huge = tmp_path / "letter.mp4", tmp_path / "empty.mp4", tmp_path / "huge.mp4"
    text.write_text("Dear sir or madam")
    empty.write_bytes(b"")
    with huge.open("wb") as file:
        file.truncate(65 * 2**20)
    bad = [
        (made(tmp_path / "sound.mp4", *tone), "no picture"),
        (made(tmp_path / "long.mp4", *hours), "minutes"),
    ]
    for path, part in [*bad, (text, "letter.mp4"), (empty, "is empty"), (huge, "over 64 MB")]:
        card.give(path)
        card.told(part)
        assert card.id() == id and len(server.studio.clips) == kept, path.name
        assert screen.page.locator(f"{CARD}[data-stage=work]").count() == 1
    assert screen.page.locator("#driving .sure .given").count() == 1
