"""Nothing is lost: by a reload, an error, Stop, a second tab, or a server that has forgotten the page."""

import pytest

from tests.ui.screen import Screen

YELLOW = (0.2, 0.72)


@pytest.fixture
def slow(server):
    server.engine.pause = 0.25
    yield
    server.engine.pause = 0.03


def prepared(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.55, 0.6))
    screen.wait_prompt("the yellow cylinder slides to the right")


def test_a_reload_keeps_the_work_and_its_frame_still_works(screen):
    screen.page.locator("#gallery button").nth(0).click()
    screen.page.wait_for_timeout(600)
    screen.select(0.69, 0.64)
    screen.drag((0.69, 0.64), (0.4, 0.64))
    screen.wait_prompt("the yellow cylinder slides to the left")
    screen.page.fill("#seed input", "5")
    screen.page.keyboard.press("Tab")
    keys = screen.keyframes()
    screen.reload()
    screen.page.wait_for_selector("#editor .selected")
    screen.wait_prompt("the yellow cylinder slides to the left")
    screen.page.wait_for_function("document.querySelector('#seed input').value === '5'")
    assert screen.keyframes() == keys
    screen.page.mouse.click(*screen.at(0.57, 0.2))  # the cyan sphere: the server knows frame and scene again
    screen.wait_prompt("the cyan sphere moves")


def test_a_reload_during_generation_finds_the_job_and_then_its_result(screen, slow):
    prepared(screen)
    screen.generate()
    screen.page.wait_for_selector("#progress .film")
    screen.reload()
    screen.page.wait_for_selector("#progress .film")
    screen.page.locator("#stop").wait_for()
    screen.wait_videos(2)
    screen.reload()
    screen.wait_videos(2)
    screen.page.locator("#generate").wait_for()
    screen.page.locator("#compare").wait_for()


def test_stop_ends_it_soon_and_the_video_before_stays(screen, server, slow):
    prepared(screen)
    server.engine.pause = 0.02
    screen.generate()
    before = [v["src"] for v in screen.wait_videos(2)]
    server.engine.pause = 0.4
    screen.generate()
    screen.page.wait_for_selector("#progress .film")
    screen.page.click("#stop")
    screen.page.wait_for_selector("#progress :text('Stopped.')", timeout=3000)
    assert [v["src"] for v in screen.wait_videos(2)] == before
    assert len(screen.keyframes()) == 2
    screen.reload()
    assert [v["src"] for v in screen.wait_videos(2)] == before


def test_two_tabs_and_two_users_never_see_each_others_work(screen, context, browser, server, slow):
    prepared(screen)
    screen.generate()
    screen.page.wait_for_selector("#progress .film")
    second = Screen(context.new_page(), server.url)
    second.wait_hint("Click the object")  # a workspace of its own, nothing running
    assert (
        second.page.locator("#generate").is_visible() and second.page.locator("#progress .film").count() == 0
    )
    second.select(0.66, 0.46)
    keys = screen.keyframes()
    screen.reload()
    screen.page.wait_for_selector("#editor .selected")
    assert screen.keyframes() == keys or len(screen.keyframes()) == 1  # either draft, each tab its own
    screen.wait_videos(2)
    assert second.page.locator("#player video").count() == 0
    other = browser.new_context()
    third = Screen(other.new_page(), server.url)
    third.wait_hint("Click the object")
    assert (
        third.page.locator("#player video").count() == 0
        and third.page.locator("#progress .film").count() == 0
    )
    other.close()


def test_a_closed_tab_is_found_again_by_the_next_one(screen, context, server):
    prepared(screen)
    keys = screen.keyframes()
    again = context.new_page()
    screen.page.close()
    again = Screen(again, server.url)
    again.page.wait_for_selector("#editor .selected")
    assert again.keyframes() == keys
    screen.page = again.page


def test_a_server_that_forgot_the_page_gets_the_frame_again(screen, server):
    prepared(screen)
    for page in list(server.studio.sessions._sessions):
        server.studio.sessions.drop(page)
    screen.generate()
    screen.wait_hint("The connection was renewed")
    screen.page.wait_for_timeout(500)
    screen.generate()
    screen.wait_videos(2)


def test_a_closed_page_frees_its_frames(context, server):
    opened = Screen(context.new_page(), server.url)
    known = set(server.studio.sessions._sessions)
    opened.page.close()
    for _ in range(100):
        if not known & set(server.studio.sessions._sessions):
            return
        server.studio.jobs.submit(lambda job: None).wait(1)
        opened_again = context.new_page()
        opened_again.wait_for_timeout(100)
        opened_again.close()
    raise AssertionError("the session is still there ten seconds after its page was closed")
