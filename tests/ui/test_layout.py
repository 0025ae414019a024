"""The page at a desk's and a phone's width."""

import pytest

from tests.ui.screen import Screen

WIDE = "() => document.documentElement.scrollWidth - window.innerWidth"
SMALL = """() => [...document.querySelectorAll('button, #player a, #editor input, #editor select, #editor .lane')]
    .filter(b => b.offsetParent && b.offsetHeight && !b.closest('.visually-hidden')) // Gradio measures tabs on copies
    .filter(b => b.offsetHeight < 40 || b.offsetWidth < 40).map(b => b.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("place", "width"), [("desk", 1440), ("phone", 390)])
def test_nothing_is_cut_off_and_buttons_can_be_hit(server, request, place, width):
    screen = Screen(request.getfixturevalue(place), server.url)
    assert screen.page.evaluate("innerWidth") == width
    for tab in ("Compose", "Upload", "Examples"):
        screen.page.click(f"button[role=tab]:has-text('{tab}')")
        assert screen.page.evaluate(WIDE) <= 0, tab
        if width < 600:
            assert screen.page.evaluate(SMALL) == [], tab
    screen.select(0.2, 0.72)
    screen.drag((0.2, 0.72), (0.5, 0.7))
    screen.generate()
    screen.wait_videos(2)
    assert screen.page.evaluate(WIDE) <= 0
    screen.page.click("#editor [data-do=brush]")
    screen.page.click("#editor [data-do=file-menu]")
    menu = screen.page.locator("#editor [role=menu]").bounding_box()
    assert menu["x"] >= 0 and menu["x"] + menu["width"] <= width
    if width < 600:
        assert screen.page.evaluate(SMALL) == []
    strip, tracks, pose = (
        screen.page.locator(f"#editor {name}").bounding_box()
        for name in (".tools", ".side:first-child", ".inspector")
    )
    assert strip["height"] < (100 if width < 600 else 48)  # two rows, or one
    assert (tracks["y"] == pose["y"]) == (width > 600)  # side by side, or one above the other
    canvas = screen.page.locator("#editor canvas").bounding_box()
    assert canvas["width"] == pytest.approx(canvas["height"], abs=2)
    assert canvas["width"] > (310 if width < 600 else 560)


def test_a_finger_selects_and_drags(phone, server):
    screen = Screen(phone, server.url)
    x, y = screen.at(0.2, 0.72)
    screen.page.touchscreen.tap(x, y)
    screen.wait_hint("Now drag")
    touch = phone.context.new_cdp_session(phone)
    x, y = screen.at(0.2, 0.72)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for k in range(1, 7):
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": "touchMove", "touchPoints": [{"x": x + 20 * k, "y": y - 5 * k}]},
        )
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    keys = screen.keyframes()
    assert len(keys) == 2 and keys[1]["x"] > 120
