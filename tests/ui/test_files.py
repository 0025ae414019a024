"""Files in and out of the editor: whatever it gives it takes again, and what it can't read changes nothing."""

import base64
import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import TimeoutError

from comogen_demo.masks import export_masks, read_mask_sequence
from comogen_demo.project import Project
from comogen_demo.ui import document
from comogen_demo.video import read_project, write_mp4
from tests.ui.screen import DRAFT, HINT, Screen

YELLOW = (0.2, 0.72)
DROP = """files => { const held = new DataTransfer();
    for (const {name, kind, data} of files) {
        const read = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
        const bytes = typeof data === 'number' ? new Uint8Array(data) : read(data);
        held.items.add(new File([bytes], name, {type: kind})); }
    const target = document.querySelector('#head') || document.body;
    for (const type of ['dragover', 'drop'])
        target.dispatchEvent(new DragEvent(type, {dataTransfer: held, bubbles: true, cancelable: true})); }"""


def drop(screen, *files):
    """Drops (name, bytes) on the head of the page; a number stands for so many zeros."""

    def packed(data):
        return data if isinstance(data, int) else base64.b64encode(data).decode()

    entries = [{"name": name, "kind": "", "data": packed(data)} for name, data in files]
    screen.page.evaluate(DROP, entries)


def told(screen, part, kind=None):
    """Waits for a sentence in the hint."""
    shown = screen.page.locator("#editor .hint")
    try:
        screen.page.wait_for_function(f"part => ({HINT})().includes(part)", arg=part)
    except TimeoutError:
        raise AssertionError(f"not {part!r} but {shown.inner_text()!r} was told") from None
    assert kind is None or shown.get_attribute("data-kind") == kind
    return shown.inner_text()


def document_of(screen):
    """The document as it is kept, a moment after the last change."""
    for _ in range(100):
        screen.page.wait_for_timeout(150)
        kept = screen.page.evaluate(DRAFT)
        if kept:
            return kept["doc"]
    raise AssertionError("the page has not kept its work")


def tracks_of(screen, count):
    for _ in range(60):
        tracks = document_of(screen)["tracks"]
        if len(tracks) == count:
            return tracks
    raise AssertionError(f"there are {len(tracks)} tracks where {count} were to come")


def prepared(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.6))
    screen.wait_prompt("the yellow cylinder slides to the right")


def save(screen, name):
    """What an entry of the File menu downloads."""
    screen.page.click("#editor [data-do=file-menu]")
    with screen.page.expect_download() as download:
        screen.page.click(f"#editor [data-do={name}]")
    return Path(download.value.path()).read_bytes()


def masks_of(entry, frames):
    """A track of the page on its own: bool (T, H, W)."""
    return document.read({**document.empty(frames), "tracks": [entry]}).masks()


def iou(a, b):
    return (a & b).sum() / max(1, (a | b).sum())


def balls(count, size, smallest=0.08):
    """A disc that goes to the right and grows: bool (count, size, size)."""
    rows, columns = np.mgrid[:size, :size] / size
    way = np.linspace(0.25, 0.75, count)
    return np.stack([(columns - x) ** 2 + (rows - 0.5) ** 2 < (smallest + 0.05 * x) ** 2 for x in way])


def png(picture, **more):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", **more)
    return file.getvalue()


def palette(mask):
    picture = Image.fromarray(mask.astype(np.uint8) * 3, "P")
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def zipped(pictures):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, data in enumerate(pictures):
            archive.writestr(f"masks/frame{number}.png", data)
    return file.getvalue()


def test_a_project_goes_out_and_in_again(screen):
    prepared(screen)
    screen.page.fill("#seed input", "4321")
    screen.page.keyboard.press("Tab")
    before = document_of(screen)
    text = save(screen, "save")
    project = Project.from_json(text)
    assert project.picture(".").shape == (512, 512, 3) and project.settings.seed == 4321
    assert [key.t for key in project.tracks[0].keyframes] == [0, 24]

    screen.page.locator("#gallery button").nth(0).click()
    screen.wait_hint("Click the object")
    screen.page.fill("#prompt textarea", "something else")
    screen.page.fill("#seed input", "1")
    screen.page.keyboard.press("Tab")
    drop(screen, ("work.json", text))
    screen.wait_prompt("the yellow cylinder slides to the right")
    tracks_of(screen, 1)
    after = document_of(screen)
    for name in ("image", "source", "frames", "prompt", "settings"):
        assert after[name] == before[name], name
    assert after["tracks"][0]["keyframes"] == before["tracks"][0]["keyframes"]
    assert (masks_of(after["tracks"][0], 25) == project.masks()).all()
    assert screen.page.input_value("#seed input") == "4321"
    screen.page.click("#editor [data-do=undo]")  # one step, back to the other picture
    screen.wait_hint("Click the object")
    assert document_of(screen)["image"] != before["image"]
    screen.page.click("#editor [data-do=redo]")
    assert document_of(screen)["image"] == before["image"]


def test_a_video_made_here_brings_everything_back_also_elsewhere(screen, other_desk, server, tmp_path):
    prepared(screen)
    screen.page.fill("#seed input", "77")
    screen.page.keyboard.press("Tab")
    before = document_of(screen)
    screen.generate()
    screen.wait_videos(2)
    links = {a.inner_text(): a.get_attribute("href") for a in screen.page.locator("#player .links a").all()}
    data = screen.fetch(links["Download video"])
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    assert json.loads(read_project(path))["source"] == before["source"]
    _, masks, _, _ = server.engine.seen[-1]

    second = Screen(other_desk, server.url)
    second.choose_example(0)
    drop(second, ("video.mp4", data))
    second.wait_prompt("the yellow cylinder slides to the right")
    tracks = tracks_of(second, 1)
    after = document_of(second)
    assert after["image"] == before["image"] and after["settings"] == before["settings"]
    assert tracks[0]["keyframes"] == before["tracks"][0]["keyframes"]
    assert (masks_of(tracks[0], 25) == masks).all()
    second.page.mouse.click(*second.at(0.66, 0.46))  # the scene of the picture is known again, too
    assert tracks_of(second, 2)[1]["name"].startswith("the ")
    second.generate()
    second.wait_videos(2)
    assert second.errors == []


@pytest.mark.parametrize("form", ["zip", "mp4", "npz"])
def test_masks_go_out_and_in_again(screen, tmp_path, form):
    prepared(screen)
    own = masks_of(document_of(screen)["tracks"][0], 25)
    data = save(screen, f"export-{form}")
    path = tmp_path / f"masks.{form}"
    path.write_bytes(data)
    read = read_mask_sequence(path)
    assert read.shape == own.shape and min(map(iou, read, own)) > 0.97
    if form == "mp4":  # dropped, it would bring its project back
        screen.page.click("#editor [data-do=file-menu]")
        with screen.page.expect_file_chooser() as chooser:
            screen.page.click("#editor [data-do=import-masks]")
        chooser.value.set_files({"name": "ball.mp4", "mimeType": "video/mp4", "buffer": data})
    else:
        drop(screen, (f"ball.{form}", data))
    told(screen, "25 masks are a new track", "info")
    track = tracks_of(screen, 2)[1]
    assert track["name"].startswith("ball")
    assert min(map(iou, masks_of(track, 25), own)) > 0.97


def test_a_video_of_the_masks_brings_the_project_back(screen):
    prepared(screen)
    before = document_of(screen)
    data = save(screen, "export-mp4")
    screen.page.locator("#gallery button").nth(0).click()
    screen.wait_hint("Click the object")
    drop(screen, ("masks.mp4", data))
    screen.wait_prompt("the yellow cylinder slides to the right")
    tracks = tracks_of(screen, 1)
    after = document_of(screen)
    assert tracks[0]["keyframes"] == before["tracks"][0]["keyframes"] and after["image"] == before["image"]


def test_foreign_masks_become_tracks(screen, tmp_path):
    """Palette PNG in a folder, another resolution, a lossy video of greys, a GIF, loose PNG files, one alone."""
    small, large = balls(25, 128), balls(25, 512)
    grey = cv2.GaussianBlur(balls(25, 256)[0].astype(np.uint8) * 235, (5, 5), 0)
    video = np.stack([cv2.GaussianBlur(m.astype(np.uint8) * 225 + 12, (3, 3), 0) for m in balls(25, 256)])
    path = write_mp4(tmp_path / "grey.mp4", np.repeat(video[..., None], 3, 3), 12.5)
    shots = [Image.fromarray(mask.astype(np.uint8) * 255) for mask in small]
    gif = io.BytesIO()
    shots[0].save(gif, "GIF", save_all=True, append_images=shots[1:], duration=80)
    npz = export_masks(tmp_path / "masks.npz", balls(7, 256), 12.5)
    given = [
        ([("davis.zip", zipped([palette(mask) for mask in small]))], "25 masks", large),
        ([("grey.mp4", path.read_bytes())], "25 masks", large),
        ([("moving.gif", gif.getvalue())], "25 masks", large),
        ([(f"m{t}.png", png(mask)) for t, mask in enumerate(small)], "25 masks", large),
        ([("seven.npz", npz.read_bytes())], "spread over the 25 frames", large),
        ([("alone.png", png(grey))], "The mask is a new track", large[:1].repeat(25, 0)),
    ]
    for number, (files, note, truth) in enumerate(given, 1):
        drop(screen, *files)
        told(screen, note, "info")
        track = tracks_of(screen, number)[-1]
        scores = list(map(iou, masks_of(track, 25), truth))
        least = 0.8 if files[0][0] == "alone.png" else 0.9  # in a PNG its soft edge counts as mask
        assert min(scores) > least, (files[0][0], min(scores))
    for _ in given:
        screen.page.click("#editor [data-do=undo]")
    assert document_of(screen)["tracks"] == []


def test_a_picture_that_is_dropped_is_a_new_frame(screen):
    picture = np.random.default_rng(0).integers(0, 255, (120, 300, 3), np.uint8)
    before = document_of(screen)["image"]
    drop(screen, ("photo.png", png(picture)))
    screen.page.wait_for_function("() => document.querySelector('#editor canvas').clientWidth > 0")
    for _ in range(40):
        if document_of(screen)["image"] != before:
            break
    doc = document_of(screen)
    assert doc["image"] != before and doc["source"]["crop"] == [90, 0, 120, 120, 300, 120]
    mask = np.zeros((120, 300), bool)
    mask[30:60, 120:180] = True
    drop(screen, ("its-mask.png", png(mask)))  # of the whole picture: cropped as it was
    told(screen, "The mask is a new track")
    drawn = masks_of(tracks_of(screen, 1)[0], 1)[0]
    assert drawn.mean() == pytest.approx(30 * 60 / 120**2, rel=0.05)


def damaged(server, tmp_path):
    """Files that can't be taken, and what is said of each."""
    project = {**document.empty(25), "tracks": []}
    plain = np.random.default_rng(1).integers(0, 255, (5, 64, 64, 3), np.uint8)
    film = write_mp4(tmp_path / "film.mp4", plain, 12.5).read_bytes()
    wide = png(np.pad(np.ones((20, 20), bool), ((10, 10), (60, 60))))
    return [
        ([("letter.txt", b"Dear sir or madam, dear all")], "nothing that can be opened"),
        ([("broken.json", b'{"version": 2, "tracks"')], "not valid JSON"),
        ([("future.json", json.dumps({**project, "version": 99}).encode())], "newer CoMoGen Studio"),
        ([("bare.json", json.dumps(project).encode())], "no picture in it"),
        ([("film.mp4", film)], "holds no project, and no masks"),
        ([("cut.mp4", film[:200])], "damaged"),
        ([("wide.png", wide)], "140 x 40 px"),
        ([("broken.zip", b"PK\x03\x04" + bytes(40))], "damaged"),
        ([("empty.zip", zipped([]))], "holds no PNG"),
        ([("black.png", png(np.zeros((64, 64), bool)))], "empty"),
        ([("a.png", png(np.zeros((9, 9), bool))), ("b.json", b"{}")], "do not belong together"),
        ([("nothing.png", b"")], "is empty"),
        ([("huge.json", 65 * 2**20)], "over 64 MB"),
    ]


def test_what_can_not_be_read_is_told_and_changes_nothing(screen, server, tmp_path):
    prepared(screen)
    work = document_of(screen)
    for files, part in damaged(server, tmp_path):
        screen.page.evaluate("() => { document.querySelector('#editor .hint').textContent = '…'; }")
        drop(screen, *files)
        sentence = told(screen, part, "error")
        assert sentence.count(".") <= 2, sentence  # one sentence, and perhaps a file's name
        assert document_of(screen) == work, files[0][0]


def test_no_path_but_an_uploads_is_read(screen, server):
    """The event as a program would forge it."""
    from comogen_demo.errors import UserError
    from comogen_demo.ui.uploads import uploaded

    frame = next(iter(server.studio.folder.rglob("*.png")))
    for forged in (
        "/etc/passwd",
        str(frame),
        "../../etc/passwd",
        "",
        "a\0b",
        7,
        None,
        {"path": "/etc/passwd"},
    ):
        with pytest.raises(UserError, match="again"):
            uploaded([forged])
    for wrong in (None, "abc", [], {}, ["x"] * 600):
        with pytest.raises(UserError):
            uploaded(wrong)


def test_a_mask_is_copied_to_another_frame(screen):
    prepared(screen)
    screen.fill_seek(24)
    screen.page.keyboard.press("Control+Alt+c")
    told(screen, "The mask is copied")
    screen.fill_seek(12)
    screen.page.keyboard.press("Control+Alt+v")
    track = document_of(screen)["tracks"][0]
    assert [(key["t"], key["shape"]) for key in track["keyframes"]] == [(0, 0), (12, 1), (24, 0)]
    drawn = masks_of(track, 25)
    assert (drawn[12] == drawn[24]).all() and not (drawn[12] == drawn[0]).all()
