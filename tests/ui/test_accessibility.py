"""axe-core finds no serious fault: at a desk and on a phone, in light and dark, in every state of the editor."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.ui.screen import Screen

YELLOW = (0.2, 0.72)


def faults(page):
    """What axe-core calls serious or critical: one line for each rule and place."""
    found = Axe().run(page).response["violations"]
    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    return [f"{v['id']}: {n['target']} {n['html'][:160]}" for v in grave for n in v["nodes"]]


def check(page, state):
    """In light and in dark."""
    assert faults(page) == [], f"{state}, light"
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("body.dark")
    page.wait_for_timeout(400)  # buttons fade from one to the other
    assert faults(page) == [], f"{state}, dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("body:not(.dark)")
    page.wait_for_timeout(400)


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious(desk, server, width):
    desk.set_viewport_size({"width": width, "height": 900})
    screen = Screen(desk, server.url)
    page = screen.page
    check(page, "empty")
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    screen.keyframes()
    page.focus("#editor .editor")
    page.keyboard.press("b")
    check(page, "selected")
    page.click("#editor [data-do=whole]")
    page.fill("#editor .words", "red, yellow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#editor .found:visible")
    page.click("#editor [data-do=offers]")
    check(page, "found by words, with the models on offer")
    page.fill("#editor [data-field=frames]", "49")
    page.keyboard.press("Tab")
    page.click("#editor [data-do=file-menu]")
    page.wait_for_selector("#editor [role=menu]:visible")
    check(page, "asked, with the menu open")
    page.keyboard.press("Escape")
    page.focus("#editor .editor")
    page.keyboard.press("?")
    page.wait_for_selector("#editor dialog[open]")
    check(page, "help")
    assert screen.errors == []
