"""Everything by keyboard alone: each tool and switch has its key, and the whole way to a video needs no mouse."""

import pytest

YELLOW = (0.2, 0.72)
INSIDE = "name => Boolean(document.activeElement.closest(name))"


def tab_to(screen, selector, most):
    for _ in range(most):
        screen.page.keyboard.press("Tab")
        if screen.page.evaluate("name => document.activeElement.matches(name)", selector):
            return
    raise AssertionError(f"{most} presses of Tab do not reach {selector}")


def press(screen, *keys):
    for key in keys:
        screen.page.keyboard.press(key)


def test_from_nothing_to_a_video_by_keyboard(screen, server):
    page = screen.page
    tab_to(screen, "#editor .editor", 40)
    press(screen, "n", *["Shift+ArrowLeft"] * 3, *["Shift+ArrowDown"] * 2, *["ArrowDown"] * 2)
    assert page.locator("#editor .crosshair").is_visible()
    press(screen, "Enter")
    page.wait_for_selector("#editor .selected")
    assert not page.locator("#editor .crosshair").is_visible()
    press(screen, *["Shift+ArrowRight"] * 12)
    press(screen, "PageDown", "PageDown", "Control+ArrowLeft", "k", "Shift+ArrowUp", ".", ">")
    keys = screen.keyframes()
    assert [k["t"] for k in keys] == [0, 13, 24] and keys[2]["x"] == 120
    assert keys[1]["x"] == pytest.approx(120 * 13 / 24) and keys[1]["y"] == -10
    assert keys[1]["rotation"] == 1 and keys[1]["scale"] == pytest.approx(1.02)
    press(screen, "Space")
    page.wait_for_selector("#editor .playing")
    press(screen, "Space")
    page.wait_for_selector("#editor .editor:not(.playing)")
    tab_to(screen, "#generate", 90)
    press(screen, "Enter")
    screen.wait_videos(2)
    assert server.engine.seen[-1][1].shape == (25, 512, 512)


def test_the_keys_of_tools_views_and_tracks(screen):
    page = screen.page
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    page.focus("#editor .editor")
    for key, name in zip("rbelpv", ("box", "brush", "eraser", "lasso", "polygon", "select"), strict=True):
        press(screen, key)
        page.wait_for_selector(f"#editor [data-do={name}][aria-checked=true]")
    for key, name in zip("2341", ("fill", "outline", "model", "cutout"), strict=True):
        press(screen, key)
        page.wait_for_selector(f"#editor [data-do=view-{name}][aria-checked=true]")
    for key, name in (("o", "onion"), ("-", "negative")):
        press(screen, key)
        page.wait_for_selector(f"#editor [data-do={name}][aria-pressed=true]")
        press(screen, key)
        page.wait_for_selector(f"#editor [data-do={name}][aria-pressed=false]")
    press(screen, "d")
    assert len(screen.tracks()) == 2
    press(screen, "t")
    page.wait_for_selector("#editor .track:first-child.chosen")
    press(screen, "Home", "Control+ArrowDown", "Shift+PageDown", "h", "Control+c", "Control+ArrowUp", "x")
    keys = screen.keyframes()
    assert [(k["t"], k["hold"], k["hidden"]) for k in keys] == [(0, False, True), (23, True, False)]
    press(screen, "End", "PageDown", "Control+v")
    assert screen.keyframes()[1] == {**keys[1], "t": 19, "hold": False, "hidden": True}
    press(screen, "Control+z", "Control+z", "Control+y")
    assert screen.keyframes() == keys
    press(screen, "Escape")
    page.wait_for_selector("#editor .inspector-empty:visible")


def test_keys_are_left_alone_while_typing(screen):
    page = screen.page
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    name = page.locator("#editor .track-name")
    name.fill("")
    name.press_sequentially("dx kt")
    press(screen, "Enter")
    tracks = screen.tracks()
    assert [t["name"] for t in tracks] == ["dx kt"] and len(tracks[0]["keyframes"]) == 2
    assert page.evaluate("document.activeElement.matches('.chip')")
    page.focus("#editor [data-field=x]")
    press(screen, "Escape")
    assert page.evaluate("document.activeElement.matches('.editor')")


def test_a_group_of_choices_is_one_stop_and_the_arrows_choose(screen):
    page = screen.page
    page.focus("#editor [data-do=select]")
    press(screen, "ArrowRight", "ArrowRight")
    assert page.evaluate("document.activeElement.dataset.do") == "brush"
    page.wait_for_selector("#editor [data-do=brush][aria-checked=true][tabindex='0']")
    assert page.locator("#editor [data-choice=tool] [tabindex='0']").count() == 1
    press(screen, "Tab")
    assert page.evaluate("document.activeElement.dataset.do") == "negative"


def test_the_brush_paints_by_the_cross(screen):
    page = screen.page
    page.focus("#editor .editor")
    press(screen, "b", "]", "n", "Space", *["ArrowRight"] * 10, "Space", "Escape")
    assert not page.locator("#editor .crosshair").is_visible()
    tracks = screen.tracks()
    assert len(tracks) == 1 and [k["t"] for k in tracks[0]["keyframes"]] == [0]
    size = page.evaluate(
        """async url => { const picture = new Image(); picture.src = url; await picture.decode();
            const c = document.createElement('canvas'); c.width = picture.width; c.height = picture.height;
            const pen = c.getContext('2d'); pen.drawImage(picture, 0, 0);
            return pen.getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 0 && v > 127).length }""",
        tracks[0]["shapes"][0],
    )
    radius = 12 * 1.25
    assert size == pytest.approx(3.1416 * radius**2 + 2 * radius * 51.2, rel=0.06)


def test_the_help_lists_the_keys_keeps_the_focus_and_closes(screen):
    page = screen.page
    page.focus("#editor .editor")
    press(screen, "?")
    page.wait_for_selector("#editor dialog[open]")
    text = page.inner_text("#editor dialog")
    for part in ("Brush", "Onion skin", "Save the project", "Undo", "Hold until the next key", "Deselect"):
        assert part in text
    for _ in range(4):
        press(screen, "Tab")
        assert page.evaluate("() => !document.activeElement.closest('#editor .strip, .side, #generate')")
    press(screen, "b", "Escape")
    page.wait_for_selector("#editor dialog:not([open])", state="attached")
    assert page.get_attribute("#editor [data-do=select]", "aria-checked") == "true"  # keys rested meanwhile
    assert page.evaluate(INSIDE, "#editor .editor")


def test_the_file_menu_by_keyboard(screen):
    page = screen.page
    page.focus("#editor [data-do=file-menu]")
    press(screen, "Enter")
    page.wait_for_selector("#editor [role=menu]:visible")
    assert page.evaluate("document.activeElement.dataset.do") == "open"
    press(screen, "ArrowDown")
    assert page.evaluate("document.activeElement.dataset.do") == "save"
    with page.expect_download() as download:
        press(screen, "Enter")
    assert download.value.suggested_filename.endswith(".json")
    assert page.get_attribute("#editor [data-do=file-menu]", "aria-expanded") == "false"
    assert page.evaluate("document.activeElement.dataset.do") == "file-menu"
