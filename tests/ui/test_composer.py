"""The scene composer, in Python and in the browser."""

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.ui.composer import Composer, check_room, read_scene, shuffled, value_of
from comogen_demo.world.scene import MAX_OBJECTS

PICTURE = "() => document.querySelector('#composer .view').src"


def test_a_scene_goes_there_and_back():
    value = Composer().value
    scene = read_scene(value)
    assert value_of(scene) == value and 1 <= len(scene.objects) <= MAX_OBJECTS
    check_room(scene)


def test_shuffled_scenes_are_sound():
    for seed in range(5):
        scene = read_scene(shuffled(np.random.default_rng(seed)))
        check_room(scene)
        assert all(item.drive is None for item in scene.objects)


def broken(**changes):
    value = value_of(read_scene(Composer().value))
    value["objects"][0].update(changes)
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"objects": []},
        {"objects": Composer().value["objects"] * 2},
        broken(shape="teapot"),
        broken(colour="#fff"),
        broken(x="left"),
        broken(x=float("nan")),
        broken(size=9),
    ],
)
def test_what_is_no_scene_is_told(value):
    with pytest.raises(UserError, match="please"):
        read_scene(value)


def test_objects_in_one_another_or_out_of_sight_are_told():
    other = Composer().value["objects"][1]
    with pytest.raises(UserError, match="stand in one another"):
        check_room(read_scene(broken(x=other["x"], y=other["y"])))
    with pytest.raises(UserError, match="out of sight"):
        check_room(read_scene(broken(x=9.0)))


def test_compose_drag_and_use(screen):
    screen.page.click("button[role=tab]:has-text('Compose')")
    stage = screen.page.locator("#composer .stage")
    stage.scroll_into_view_if_needed()
    before = screen.page.evaluate(PICTURE)
    screen.page.click("#composer [aria-label='Add a sphere']")
    screen.page.wait_for_function(f"old => ({PICTURE})() !== old", arg=before)
    assert screen.page.locator("#composer ellipse").count() == 4
    screen.page.click("#composer [data-colour=pink]")
    box, ring = stage.bounding_box(), screen.page.locator("#composer ellipse.chosen")
    at = [float(ring.get_attribute(n)) for n in ("cx", "cy")]
    screen.page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + (at[1] - 0.04) * box["height"])
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.72 * box["height"], steps=4)
    screen.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    screen.page.mouse.up()
    assert abs(float(ring.get_attribute("cx")) - 0.5) < 0.05
    old = screen.draft()["doc"]["image"]
    screen.page.wait_for_timeout(300)
    screen.page.click("#composer .use")
    for _ in range(100):
        if screen.draft()["doc"]["image"] != old:
            break
        screen.page.wait_for_timeout(100)
    screen.wait_hint("Click the object")
    screen.select(0.5, 0.78)
    screen.wait_prompt("the pink sphere moves")


def test_crowded_scenes_are_refused_in_words(screen):
    screen.page.click("button[role=tab]:has-text('Compose')")
    for _ in range(3):
        screen.page.click("#composer [aria-label='Add a cube']")
    assert "five objects" in screen.page.inner_text("#composer .note")
    assert screen.page.locator("#composer ellipse").count() == 5
