"""`track`: from a clip of the world, by the built-in tracker, to masks and a project that `generate` reads."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from comogen_demo.checkpoint import save_model
from comogen_demo.cli import main
from comogen_demo.driving import overlap
from comogen_demo.masks import Keyframe, read_mask_sequence
from comogen_demo.project import Project, Track, mask_png, picture_png
from comogen_demo.selection.builtin import BuiltIn
from comogen_demo.video import read_video, write_mp4
from comogen_demo.world import make_clip
from tests.tiny import tiny_model

SIDE, FPS = 128, 12.5


@pytest.fixture(scope="module")
def world():
    """A clip of the world, and the visible masks bool (T, H, W) of its first controlled object."""
    clip = make_clip("test", 1, size=SIDE)
    return clip, np.asarray(clip.visible)[:, clip.controlled[0]]


@pytest.fixture
def place(tmp_path, world, monkeypatch):
    """A folder with clip.mp4, and the subject's true masks at its frames 0 and 12; the current one. No weights."""
    monkeypatch.setattr("comogen_demo.selection.choice.find_weights", lambda weights: None)
    monkeypatch.chdir(tmp_path)
    clip, masks = world
    write_mp4("clip.mp4", np.asarray(clip.frames), FPS)
    for t in (0, 12):
        Image.fromarray(masks[t]).save(f"m{t}.png")
    Image.fromarray(np.zeros((SIDE, SIDE), bool)).save("black.png")
    return tmp_path


def middle(mask: np.ndarray) -> str:
    y, x = np.argwhere(mask).mean(axis=0) + 0.5
    return f"{x:.1f},{y:.1f}"


def agreement(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([overlap(one, other) for one, other in zip(found, truth, strict=True)]))


def run(*arguments: str) -> int:
    return main(["track", "clip.mp4", *arguments])


def test_a_click_gives_masks_and_a_project(place, world, capsys):
    clip, truth = world
    click = ["--click", middle(truth[3]), "--on", "3"]
    assert run(*click, "--out", "masks.zip", "--out", "p.json", "--json", "c.json") == 0
    assert sorted(path.name for path in place.iterdir()) == [
        *["black.png", "c.json", "clip.mp4", "m0.png", "m12.png", "masks.zip", "p.json"]
    ]
    masks = read_mask_sequence("masks.zip")
    assert masks.shape == truth.shape
    assert agreement(masks, truth) > 0.9
    project = Project.read("p.json")
    assert project.frames == len(truth) and len(project.tracks) == 1
    assert min(overlap(one, other) for one, other in zip(project.masks(), masks, strict=True)) >= 0.97
    still = project.picture(".").astype(int)
    assert np.abs(still - np.asarray(clip.frames)[0]).mean() < 4, "the picture is the clip's first frame"
    text = capsys.readouterr().out
    assert "The built-in selects and tracks" in text
    assert "selected " in text and "in frame 3, confidence " in text
    assert f"({len(truth)}/{len(truth)})" in text
    assert f"masks.zip  {len(truth)} masks of 128 x 128 px\n" in text
    assert f"p.json  {len(truth)} frames, " in text
    figures = json.loads((place / "c.json").read_text())
    assert figures["given"] == [3]
    assert len(figures["confidence"]) == len(truth) and figures["confidence"][3] == 1
    assert figures["doubtful"] == [t for t, value in enumerate(figures["confidence"]) if value < 0.5]
    assert figures["clip"] == {"seconds": 2.0, "fps": FPS, "width": SIDE, "height": SIDE}


def test_generate_reads_what_it_writes(place, world, monkeypatch, tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("checkpoints"), tiny_model()
    save_model(folder / "tiny", model.backbone, model.adapter, model.control)
    monkeypatch.setattr("comogen_demo.checkpoint.CHECKPOINTS", folder)
    part = ["--end", str(model.frames / FPS)]
    assert run("--mask", "m0.png", *part, "--out", "p.json", "--out", "masks.zip") == 0
    how = ["--model", "tiny", "--prompt", "the red cube slides", "--steps", "1", "--json", "g.json"]
    assert main(["generate", "--project", "p.json", *how, "--out", "v.mp4"]) == 0
    assert len(read_video("v.mp4")[0]) == model.frames
    by_project = json.loads((place / "g.json").read_text())["report"]
    Image.fromarray(np.asarray(world[0].frames)[0]).save("first.png")
    assert main(["generate", "--image", "first.png", "--masks", "masks.zip", *how, "--out", "w.mp4"]) == 0
    by_masks = json.loads((place / "g.json").read_text())["report"]
    assert np.shape(by_project["iou"]) == np.shape(by_masks["iou"]) == (model.frames,)


@pytest.mark.parametrize("way", ["box", "words"])
def test_a_box_and_words_tell_the_subject(place, world, capsys, way):
    clip, truth = world
    rows, columns = np.nonzero(truth[0])
    box = f"{columns.min() - 2},{rows.min() - 2},{columns.max() + 3},{rows.max() + 3}"
    thing = clip.scene.objects[clip.controlled[0]]
    told = {"box": ["--box", box], "words": ["--words", f"the {thing.colour} thing"]}[way]
    assert run(*told, "--end", "0.5", "--out", "masks.npz") == 0
    masks = read_mask_sequence("masks.npz")
    assert agreement(masks, truth[: len(masks)]) > 0.85
    assert ("found, the first taken" in capsys.readouterr().out) == (way == "words")


def test_masks_on_other_frames_correct_what_is_tracked(place, world, capsys):
    _, truth = world
    given = ["--mask", "m0.png", "--mask", "12=m12.png", "--mask", "18=black.png"]
    assert run(*given, "--out", "masks.zip") == 0
    masks = read_mask_sequence("masks.zip")
    assert np.array_equal(masks[0], truth[0]) and np.array_equal(masks[12], truth[12])
    assert agreement(masks[:18], truth[:18]) > 0.9
    assert masks.any(axis=(1, 2)).tolist() == [True] * 18 + [False] * (len(truth) - 18)


def test_a_mask_later_than_the_first_frame_is_tracked_both_ways(place, world):
    _, truth = world
    assert run("--mask", "12=m12.png", "--mask", "0=black.png", "--out", "masks.zip") == 0
    masks = read_mask_sequence("masks.zip")
    assert not masks[:12].any() and agreement(masks[12:], truth[12:]) > 0.85
    assert run("--mask", "12=m12.png", "--out", "masks.zip") == 0
    assert agreement(read_mask_sequence("masks.zip"), truth) > 0.85


def test_a_part_at_another_rate(place, world):
    _, truth = world
    part = ["--start", "0.48", "--end", "1.44", "--fps", "6.25"]
    assert run("--click", middle(truth[6]), *part, "--out", "masks.zip") == 0
    masks = read_mask_sequence("masks.zip")
    assert agreement(masks, truth[6:18:2]) > 0.85


def picture(square: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture (160, 240, 3) and its mask bool of a square at left, top, right, bottom."""
    mask = np.zeros((160, 240), bool)
    mask[square[1] : square[3], square[0] : square[2]] = True
    return np.where(mask[..., None], np.uint8(200), np.uint8(60)).repeat(3, axis=2), mask


def test_the_motion_is_laid_onto_a_pictures_subject(place, world):
    pixels, mask = picture((40, 60, 80, 100))
    Image.fromarray(pixels).save("room.png")
    Image.fromarray(mask).save("subject.png")
    given = ["--mask", "m0.png", "--end", "1"]
    assert run(*given, "--onto", "room.png", "--subject", "subject.png", "--out", "p.json") == 0
    project = Project.read("p.json")
    assert np.array_equal(project.picture("."), pixels)
    assert overlap(project.masks([0])[0], mask) > 0.7, "it begins where the subject is"
    assert project.tracks[0].name == "clip"
    assert run(*given, "--onto", "room.png", "--out", "q.json") == 0
    whole = Project.read("q.json").masks([0])[0]
    _, truth = world
    assert whole.sum() == pytest.approx(truth[0].sum() * (160 / SIDE) ** 2, rel=0.03), (
        "as large as the clip fits"
    )


@pytest.mark.parametrize(("keys", "locked"), [(1, False), (1, True), (2, False)])
def test_the_motion_is_laid_onto_an_object_of_a_project(place, keys, locked):
    pixels, mask = picture((40, 60, 80, 100))
    keyframes = (Keyframe(0), Keyframe(30, x=20))[:keys]
    box = Track("b", "the box", "#00ff00", (mask_png(mask),), keyframes, locked=locked)
    ball = Track("c", "ball", "#0000ff", (mask_png(np.roll(mask, 90, axis=1)),), (Keyframe(0),), on=False)
    before = Project(31, picture_png(pixels), (box, ball), "a box moves")
    (place / "p.json").write_text(before.to_json())
    assert run("--mask", "m0.png", "--onto", "p.json", "--subject", "the box", "--out", "q.json") == 0
    project = Project.read("q.json")
    assert (project.frames, project.prompt, project.tracks[1]) == (31, "a box moves", ball)
    if keys == 1 and not locked:  # it takes the place of what has no motion of its own
        track = project.tracks[0]
        assert (len(project.tracks), track.id, track.name, track.colour) == (2, "b", "the box", "#00ff00")
    else:
        track = project.tracks[2]
        assert project.tracks[0] == box and track.name == "clip"
    assert track.keyframes[-1].t == 30, "the motion lasts as long as the project"
    assert overlap(project.track_masks(track, [0])[0], mask) > 0.7
    assert (place / "p.json").read_text() == before.to_json()


@pytest.mark.parametrize("when", ["tracking", "writing"])
def test_ctrl_c_leaves_nothing_half_written(place, monkeypatch, capsys, when):
    (place / "p.json").write_text("mine")
    before = sorted(path.name for path in place.iterdir())
    if when == "tracking":
        track = BuiltIn.track

        def interrupted(*arguments):
            following = track(*arguments)
            yield next(following)
            raise KeyboardInterrupt

        monkeypatch.setattr(BuiltIn, "track", interrupted)
    else:

        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("comogen_demo.commands.track.export_masks", stop)
    given = ["--mask", "m0.png", "--end", "0.6", "--out", "p.json", "--out", "m.zip", "--json", "c.json"]
    assert run(*given) == 130
    out, err = capsys.readouterr()
    assert err == "interrupted\n"
    assert "frame 1  confidence" in out
    assert (place / "p.json").read_text() == "mine"
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Tell the subject: by --click, --box, --words or --mask."),
        (["--click", "3"], "--click 3 is not understood; give 2 numbers"),
        (["--click", "3,nan"], "is not understood; give 2 numbers"),
        (["--click", "500,20"], "outside|not in the picture|lies"),
        (["--box", "1,2,3"], "--box 1,2,3 is not understood; give 4 numbers"),
        (["--words", " "], "The words are empty"),
        (["--words", "zebra"], "knows colours only"),
        (["--mask", "m0.png", "--click", "3,4"], "on frame 0 in one way"),
        (["--words", "red", "--click", "3,4"], "on frame 0 in one way"),
        (["--mask", "m0.png", "--mask", "0=m12.png"], "Two masks are given for frame 0"),
        (["--mask", "99=m0.png"], "Frame 99 is not in this part, whose 25 frames count from 0"),
        (["--click", "3,4", "--on", "-1"], "Frame -1 is not in this part"),
        (["--mask", "gone.png"], "gone.png"),
        (["--mask", "clip.mp4"], "clip.mp4"),
        (["--mask", "black.png"], "The mask is empty"),
        (["--mask", "wide.png"], "60 x 20 px where 128 x 128 px are needed"),
        (["--mask", "m0.png", "--start", "7"], "must begin within the 2.0 s of the clip"),
        (["--mask", "m0.png", "--fps", "0"], "0 frames per second are out of range"),
        (["--mask", "m0.png", "--end", "2", "--fps", "100"], "at most 129 are read"),
        (["--mask", "m0.png", "--out", "m.gif"], "must end in .json for a project, or in .zip"),
        (["--mask", "m0.png", "--out", "gone/m.zip"], "There is no folder gone"),
        (["--mask", "m0.png", "--out", "clip.mp4"], "A file that is written is also read"),
        (["--mask", "m0.png", "--json", "p.json"], "or written twice"),
        (["--mask", "m0.png", "--subject", "m0.png"], "give that by --onto"),
        (["--mask", "m0.png", "--onto", "gone.png"], "gone.png"),
        (["--mask", "m0.png", "--onto", "q.json"], "There is no project file q.json"),
        (["--mask", "m0.png", "--onto", "m0.png", "--subject", "a ball"], "a ball"),
        (["--mask", "m0.png", "--end", "0.3"], "The part has 4 frames; a project has at least 5"),
    ],
)
def test_faults_are_one_sentence(place, capsys, arguments, says):
    Image.fromarray(np.ones((20, 60), bool)).save("wide.png")
    before = sorted(path.name for path in place.iterdir())
    assert run("--out", "p.json", *arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert any(part in err for part in says.split("|")), err
    assert sorted(path.name for path in place.iterdir()) == before


def test_a_project_needs_an_output(place, capsys):
    assert run("--mask", "m0.png", "--onto", "m0.png", "--out", "m.zip") == 2
    assert "name it by an --out that ends in .json" in capsys.readouterr().err


def test_an_objects_name_that_is_none(place, capsys):
    _, mask = picture((40, 60, 80, 100))
    box = Track("b", "the box", "#00ff00", (mask_png(mask),), (Keyframe(0),))
    (place / "q.json").write_text(Project(9, mask_png(mask), (box,)).to_json())
    assert run("--mask", "m0.png", "--onto", "q.json", "--subject", "box", "--out", "p.json") == 2
    assert (
        "box is neither a mask's file nor an object of the project, which has the box"
        in capsys.readouterr().err
    )


def test_a_clip_that_is_none(place, capsys):
    (place / "clip.mp4").write_bytes(b"hello")
    assert run("--mask", "m0.png", "--out", "p.json") == 2
    assert "clip.mp4 is not a video that can be read" in capsys.readouterr().err


def test_a_long_clip_is_cut_and_told(place, world, monkeypatch, capsys):
    monkeypatch.setattr("comogen_demo.commands.track.MAX_FRAMES", 8)
    assert run("--mask", "m0.png", "--out", "m.zip") == 0
    assert "only 8 frames are read, up to 0.6 s" in capsys.readouterr().out
    assert len(read_mask_sequence("m.zip")) == 8


def test_its_options_are_told_without_heavy_packages():
    script = (
        "import sys; from comogen_demo.cli import build_parser; build_parser(['track']); "
        "print([name for name in ('torch', 'sam2', 'transformers', 'moviepy', 'gradio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
