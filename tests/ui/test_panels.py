"""What stands around the canvas: each button and number changes the document as it says."""

import pytest

YELLOW = (0.2, 0.72)
NAME = "#editor .track.chosen .track-name"


def do(screen, name):
    screen.page.click(f"#editor [data-do={name}]")


def fill(screen, field, value):
    screen.page.fill(f"#editor [data-field='{field}']", str(value))
    screen.page.keyboard.press("Enter")


def number(screen, field):
    return float(screen.page.input_value(f"#editor [data-field='{field}']"))


def times(screen, track=0):
    return [key["t"] for key in screen.keyframes(track)]


@pytest.fixture
def moved(screen):
    """The yellow cylinder goes from its place to the right."""
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.62))
    return screen


def lane_at(screen, t, frames=25):
    """The place of a time in the first lane, in the page's pixels."""
    lanes = screen.page.locator("#editor .lane-row").first
    lanes.scroll_into_view_if_needed()
    box = lanes.bounding_box()
    return box["x"] + t / (frames - 1) * box["width"], box["y"] + 32


def test_numbers_set_a_key_at_the_present_frame(moved):
    moved.fill_seek(12)
    assert number(moved, "x") == pytest.approx(moved.keyframes()[1]["x"] / 2, abs=0.06)
    for field, value in {"x": 30, "y": -12.5, "rotation": 45, "scale": 150}.items():
        fill(moved, field, value)
    key = next(k for k in moved.keyframes() if k["t"] == 12)
    assert (key["x"], key["y"], key["rotation"], key["scale"]) == (30, -12.5, 45, 1.5)
    assert times(moved) == [0, 12, 24]
    assert moved.page.inner_text("#editor .state") == "key at frame 13"
    moved.page.fill("#editor [data-field=scale]", "0")
    moved.page.keyboard.press("Enter")
    assert moved.keyframes()[1]["scale"] == 0.05  # the smallest
    do(moved, "undo")
    assert moved.keyframes()[1]["scale"] == 1.5


def test_speed_hold_and_hide_belong_to_the_key_before(moved):
    moved.fill_seek(6)
    moved.page.select_option("#editor [data-field=ease]", "both")
    assert moved.keyframes()[0]["ease"] == [0.42, 0, 0.58, 1] and times(moved) == [0, 24]
    slow = number(moved, "x")
    assert 0 < slow < 0.2 * moved.keyframes()[1]["x"]
    fill(moved, "ease-1", 0.8)
    assert moved.keyframes()[0]["ease"] == [0.42, 0.8, 0.58, 1]
    assert moved.page.input_value("#editor [data-field=ease]") == "custom"
    assert number(moved, "x") > slow
    curve = moved.page.locator("#editor .curve-handle").nth(1)
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    moved.page.mouse.move(x, y)
    moved.page.mouse.down()
    moved.page.mouse.move(x - 10, y + 6)
    moved.page.mouse.move(x - 20, y + 12)
    moved.page.mouse.up()
    ease = moved.keyframes()[0]["ease"]
    assert ease[:2] == [0.42, 0.8] and ease[2] < 0.45 and ease[3] < 0.92
    do(moved, "undo")
    assert moved.keyframes()[0]["ease"] == [0.42, 0.8, 0.58, 1]  # one drag, one step
    do(moved, "hold")
    key = next(k for k in moved.keyframes() if k["t"] == 6)
    assert key["hold"] and moved.page.locator("#editor .bar[data-kind=hold]").count() == 1
    moved.fill_seek(15)
    assert moved.page.get_attribute("#editor [data-do=hold]", "aria-pressed") == "true"
    assert number(moved, "x") == pytest.approx(key["x"], abs=0.06)
    do(moved, "hide")
    assert next(k for k in moved.keyframes() if k["t"] == 15)["hidden"]
    assert moved.page.locator("#editor .bar[data-kind=hidden]").count() == 1


def test_the_path_bends_with_its_slider(moved):
    moved.fill_seek(12)
    fill(moved, "y", -90)
    moved.fill_seek(6)
    straight = number(moved, "y")
    moved.page.focus("#editor [data-field=smooth]")
    moved.page.keyboard.press("End")
    assert moved.tracks()[0]["smooth"] == 1
    assert abs(number(moved, "y") - straight) > 3


def test_a_diamond_is_dragged_in_time_but_never_onto_another(moved):
    moved.fill_seek(12)
    do(moved, "add")
    assert times(moved) == [0, 12, 24]
    before = moved.keyframes()[1]
    page = moved.page
    page.mouse.move(*lane_at(moved, 12))
    page.mouse.down()
    for t in (14, 17, 20):
        page.mouse.move(*lane_at(moved, t))
    page.mouse.up()
    assert moved.keyframes()[1] == {**before, "t": 20}
    assert page.inner_text("#editor .clock") == "21 / 25"
    page.mouse.move(*lane_at(moved, 20))
    page.mouse.down()
    for t in (22, 24):
        page.mouse.move(*lane_at(moved, t))
    page.mouse.up()
    assert times(moved) == [0, 22, 24]
    page.mouse.dblclick(*lane_at(moved, 8))
    assert times(moved) == [0, 8, 22, 24]
    page.mouse.click(*lane_at(moved, 22))
    page.focus("#editor .editor")
    page.keyboard.press("Delete")
    assert times(moved) == [0, 8, 24]


def test_another_number_of_frames_asks_what_becomes_of_the_keys(moved):
    moved.fill_seek(12)
    do(moved, "add")
    page = moved.page
    assert "4n + 1" in page.inner_text("#editor .length-note")
    fill(moved, "frames", 50)
    assert page.inner_text("#editor .ask-text") == "From 25 to 49 frames: what should the keyframes do?"
    assert moved.draft()["doc"]["frames"] == 25
    do(moved, "frames-stretch")
    assert moved.draft()["doc"]["frames"] == 49 and times(moved) == [0, 24, 48]
    assert "played into" in page.inner_text("#editor .length-note")
    assert page.inner_text("#editor .clock") == "25 / 49"
    end = moved.keyframes()[2]
    fill(moved, "frames", 33)
    do(moved, "frames-keep")
    keys = moved.keyframes()
    assert [k["t"] for k in keys] == [0, 24, 32]
    assert keys[1]["x"] < keys[2]["x"] < end["x"]  # cut where it was by then
    fill(moved, "frames", 9)
    do(moved, "frames-cancel")
    assert moved.draft()["doc"]["frames"] == 33 and page.input_value("#editor [data-field=frames]") == "33"
    do(moved, "undo")
    assert moved.draft()["doc"]["frames"] == 49 and times(moved) == [0, 24, 48]


def test_the_whole_motion_is_turned_round_shifted_repeated_and_mirrored(moved):
    first = moved.tracks()[0]
    end = first["keyframes"][1]
    do(moved, "reverse")
    keys = moved.keyframes()
    assert keys[0]["x"] == end["x"] and keys[1]["x"] == 0
    do(moved, "reverse")
    do(moved, "there-and-back")
    keys = moved.keyframes()
    assert [(k["t"], k["x"]) for k in keys] == [(0, 0), (12, end["x"]), (24, 0)]
    do(moved, "undo")
    fill(moved, "times", 3)
    do(moved, "repeat")
    assert [k["x"] for k in moved.keyframes()] == [0, end["x"]] * 3
    do(moved, "undo")
    assert moved.page.locator("#editor [data-do=later]").is_disabled()  # it fills all of the time
    moved.page.focus("#editor .editor")
    moved.page.keyboard.press("End")
    moved.page.keyboard.press("Shift+PageDown")
    do(moved, "later")
    assert times(moved) == [1, 24]
    do(moved, "earlier")
    assert times(moved) == [0, 23]
    do(moved, "mirror")
    track = moved.tracks()[0]
    assert track["keyframes"][1]["x"] == -end["x"] and track["shapes"] != first["shapes"]
    do(moved, "mirror")
    bits = """async urls => Promise.all(urls.map(async url => {
        const picture = new Image(); picture.src = url; await picture.decode();
        const c = document.createElement('canvas'); c.width = picture.width; c.height = picture.height;
        const pen = c.getContext('2d'); pen.drawImage(picture, 0, 0);
        const red = pen.getImageData(0, 0, c.width, c.height).data.filter((_, i) => i % 4 === 0);
        return Array.from(red, value => Number(value > 127)).join(''); }))"""
    once, twice = moved.page.evaluate(bits, [first["shapes"][0], moved.tracks()[0]["shapes"][0]])
    assert once == twice and "1" in once


def test_tracks_are_named_switched_coloured_copied_and_deleted(moved):
    page = moved.page
    page.fill(NAME, "  my can ")
    page.keyboard.press("Enter")
    for switch in ("on", "visible", "locked"):
        page.click(f"#editor .track [data-switch={switch}]")
    track = moved.tracks()[0]
    assert (track["name"], track["on"], track["visible"], track["locked"]) == ("my can", False, False, True)
    assert page.locator("#editor [data-field=x]").is_disabled()
    assert page.locator("#editor [data-do=delete-track]").is_disabled()
    page.click("#editor .track [data-switch=locked]")
    page.evaluate(
        """() => { const field = document.querySelector('#editor .track [type=color]'); field.value = '#00aa88';
            for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, {bubbles: true})); }"""
    )
    assert moved.tracks()[0]["colour"] == "#00aa88"
    do(moved, "copy-track")
    tracks = moved.tracks()
    assert [t["name"] for t in tracks] == ["my can", "my can 2"]
    assert tracks[1]["keyframes"] == tracks[0]["keyframes"] and tracks[1]["colour"] != tracks[0]["colour"]
    assert page.locator("#editor .lane").count() == 2 and page.input_value(NAME) == "my can 2"
    page.click("#editor .track.chosen [data-do=delete-track]")
    assert [t["name"] for t in moved.tracks()] == ["my can"]
    assert page.locator("#editor .inspector-empty").is_visible()
    do(moved, "undo")
    assert len(moved.tracks()) == 2


def test_a_pose_is_pasted_at_another_frame(moved):
    assert moved.page.locator("#editor [data-do=paste-pose]").is_disabled()
    do(moved, "copy-pose")
    end = moved.keyframes()[1]
    moved.fill_seek(8)
    do(moved, "paste-pose")
    key = moved.keyframes()[1]
    assert (key["t"], key["x"], key["y"]) == (8, end["x"], end["y"])


def test_the_film_and_the_ruler_seek(moved):
    page = moved.page
    page.wait_for_function(
        "() => document.querySelector('#editor .filmstrip').style.backgroundImage.startsWith('url(')"
    )
    page.locator("#editor .ruler").scroll_into_view_if_needed()
    box = page.locator("#editor .ruler").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.up()
    assert page.inner_text("#editor .clock") == "13 / 25"
    assert page.get_attribute("#editor .time", "aria-valuetext") == "frame 13 of 25"
    assert page.locator("#editor .window").count() == 3  # every second one of {1-4}, {5-8}, ...
    assert times(moved) == [0, 24]
