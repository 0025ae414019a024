"""The driving video's card by keyboard alone, and by the rules of accessibility, at a desk and on a phone."""

import pytest

from tests.ui.card import CARD, HEIGHT, WIDTH, Card, tracks_of, way
from tests.ui.screen import Screen
from tests.ui.test_accessibility import faults


def test_the_whole_way_by_keyboard(screen, card, server, film):
    card.bring(film)
    page = screen.page
    page.focus("#driving .screen")
    x, y = way(0)
    left, down = round((WIDTH / 2 - x) / 10), round((y - HEIGHT / 2) / 10)
    for key in ("ArrowLeft",) * left + ("ArrowDown",) * down + ("Enter",):
        page.keyboard.press(key)
    card.given(1)
    page.focus("#driving [data-do=track]")
    page.keyboard.press("Enter")
    card.told("racked")
    page.focus("#driving .screen")
    page.keyboard.press("n")
    assert card.clock() == "16 / 24"
    for key in (".", ",", ","):
        page.keyboard.press(key)
    assert card.clock() == "15 / 24"
    page.keyboard.press("Escape")
    for key in ("ArrowUp",) * 5 + ("b",) + ("ArrowRight",) * 12 + ("ArrowDown",) * 9 + ("b",):
        page.keyboard.press(key)  # a box that begins in the middle: it adds, and all is there already
    card.given(2)
    page.keyboard.press("Control+z")
    card.given(1)
    page.keyboard.press(" ")
    page.wait_for_selector(f"{CARD}.playing")
    page.keyboard.press(" ")
    page.wait_for_selector(f"{CARD}:not(.playing)")
    page.focus("#driving [data-do=pick]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.do") in ("add", "take")
    page.focus("#driving [data-do=put]")
    page.keyboard.press("Enter")
    card.told("is a new track")
    tracks_of(screen, 1)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_and_sizes_of_the_open_card(desk, server, models, film, width, scheme):
    desk.set_viewport_size({"width": width, "height": 900})
    desk.emulate_media(color_scheme=scheme)
    screen = Screen(desk, server.url)
    card = Card(screen)

    def check(state):
        assert faults(screen.page) == [], state
        assert screen.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0
        small = """() => [...document.querySelectorAll('#driving button, #driving input, #driving .grip')]
            .filter(b => b.offsetParent && (b.offsetHeight < 40 || b.offsetWidth < 40))
            .map(b => b.outerHTML.slice(0, 90))"""
        assert screen.page.evaluate(small) == [], state

    card.open()
    check("empty")
    card.give(film)
    card.stage("cut")
    check("cut")
    card.do("cut")
    card.stage("work")
    card.pick_and_track()
    check("tracked")
    card.click(WIDTH - 20, 20)
    card.told("nothing that can be told apart")
    card.put("is a new track")
    tracks_of(screen, 1)
    check("put")
    assert screen.errors == []
