import numpy as np
import pytest

from comogen_demo.world import ObjectSpec, SceneSpec, sample_scene, simulate
from comogen_demo.world.physics import Contact, forced_pose, rest
from comogen_demo.world.scene import DURATION, FPS, FRAMES, Drive


def straight(x0, x1, ease="linear", spin=0.0):
    points = tuple((float(x), 0.0) for x in np.linspace(x0, x1, 4))
    return Drive("kinematic", path=points, ease=ease, spin=spin)


def scene(drive, target_x=1.5, shape="cube"):
    return SceneSpec(
        (
            ObjectSpec(shape, "red", False, 0.4, -0.5, 0.0, drive=drive),
            ObjectSpec("cube", "blue", False, 0.4, target_x, 0.0),
        )
    )


def test_the_same_scene_moves_the_same_way():
    one, two = (simulate(sample_scene("test", 4)) for _ in range(2))
    assert np.array_equal(one.position, two.position) and np.array_equal(one.quaternion, two.quaternion)
    assert one.contacts == two.contacts


@pytest.mark.parametrize("ease", ["linear", "smooth", "stop"])
@pytest.mark.parametrize("shape", ["sphere", "cube", "cylinder"])
def test_a_kinematic_object_keeps_to_its_path_and_does_not_recoil(ease, shape):
    forced = scene(straight(-0.5, 2.0, ease), shape=shape)
    states = simulate(forced)
    expected = np.array([forced_pose(forced.objects[0].drive, 0.0, t / FPS)[0][:2] for t in range(FRAMES)])
    assert np.abs(states.position[:, 0, :2] - expected).max() < 1e-6
    assert np.abs(states.position[-1, 0, :2] - [2.0, 0.0]).max() < 1e-6
    assert states.position[-1, 1, 0] > 2.6  # pushed ahead of it
    assert states.contacts[0].a == 0 and states.contacts[0].b == 1


def test_a_dynamic_object_gives_its_motion_away_in_the_impact():
    pushed = Drive("dynamic", velocity=(2.5, 0.0))
    alone, meeting = simulate(scene(pushed, target_x=9.0)), simulate(scene(pushed, target_x=0.7))
    assert meeting.position[-1, 0, 0] < alone.position[-1, 0, 0] - 0.3
    assert meeting.position[-1, 1, 0] > 1.0


def test_contacts_are_recorded_in_the_frame_of_the_touch_and_only_then():
    states = simulate(scene(straight(-0.5, 2.0)))
    # edges meet after 1.2 of 2.5 units, and the table's friction does nothing before
    assert states.contacts == (Contact(int(1.2 / 2.5 * DURATION * FPS), 0, 1),)
    assert np.abs(states.position[states.contacts[0].frame, 1, :2] - [1.5, 0]).max() < 1e-3
    assert simulate(scene(straight(-0.5, 2.0), target_x=9.0)).contacts == ()


def test_what_touches_nothing_stays():
    states = simulate(scene(straight(-0.5, -1.5)))
    assert np.abs(states.position[:, 1] - states.position[0, 1]).max() < 1e-3


def test_at_rest_is_the_first_state():
    drawn = sample_scene("test", 7)
    still, moving = rest(drawn), simulate(drawn)
    assert np.allclose(still.position[0], moving.position[0]) and still.contacts == ()
    assert np.allclose(still.quaternion[0], moving.quaternion[0])
    assert moving.position.shape == (FRAMES, len(drawn.objects), 3)


def test_most_aimed_drives_meet_something_and_some_miss():
    number = 30
    met = sum(bool(simulate(sample_scene("test", i)).contacts) for i in range(number))
    assert 0.3 * number < met < 0.95 * number
