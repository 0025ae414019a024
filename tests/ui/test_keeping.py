"""Nothing is lost: by a reload, an error, Stop, a second tab, or a server that has forgotten the page."""

import pytest

from tests.ui.screen import Screen
from tests.ui.test_parity import FOLDER

YELLOW = (0.2, 0.72)
WORKSPACE = (FOLDER / "workspace.js").read_text("utf-8")
QUICK = 0.03  # seconds a step


@pytest.fixture
def slow(server):
    """The engine, whose steps take their time until a test lets it go on: `slow.pause = QUICK`."""
    server.engine.pause = 2.0
    yield server.engine
    server.engine.pause = QUICK


def prepared(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.55, 0.6))
    screen.wait_prompt("the yellow cylinder slides to the right")


def test_a_reload_keeps_the_work_and_its_frame_still_works(screen):
    screen.choose_example(0)
    screen.wait_hint("Click the object")
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
    screen.select(0.57, 0.2)  # the server knows frame and scene again
    assert [track["name"] for track in screen.tracks()] == ["the yellow cylinder", "the cyan sphere"]


def test_a_reload_right_after_a_change_loses_nothing(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.55, 0.6))
    screen.reload()  # the draft is written a moment after a change
    screen.page.wait_for_selector("#editor .selected")
    keys = screen.keyframes()
    assert len(keys) == 2 and abs(keys[1]["x"] - 0.35 * 512) < 4
    screen.page.focus("#editor .editor")
    screen.page.keyboard.press("ArrowRight")
    screen.reload()
    screen.page.wait_for_selector("#editor .selected")
    assert screen.keyframes()[1]["x"] == pytest.approx(keys[1]["x"] + 1)


@pytest.fixture
def shelf(desk, server):
    """shelf(script): runs it with the functions of workspace.js in an empty page that has the app's storage."""
    page = desk
    page.goto(server.url + "favicon.ico")

    def run(script, given=None):
        return page.evaluate(
            "([kit, script, given]) => new Function('given', kit + '; return (async () => {' + script + '})()')(given)",
            [WORKSPACE, script, given],
        )

    run.page = page
    return run


def test_work_that_is_too_large_for_local_storage_is_kept_whole(shelf):
    """A browser may cut off what a closing page still writes, but never what was kept before it."""
    script = """const work = {...await openWorkspace(), imageKept: null, image: {id: 'frame', data: 'data'}};
        const sized = length => ({image: 'frame', tracks: [{shapes: ['x'.repeat(length)]}]});
        work.doc = sized(2 ** 24);
        const kept = await saveWorkspace(work);
        window.addEventListener('pagehide', () => { leaveWorkspace(work); saveWorkspace(work); });
        work.doc = sized(2 ** 24 + 1);
        setTimeout(() => location.reload(), 50);
        return [kept, work.id];"""
    kept, id = shelf(script)
    assert kept
    shelf.page.wait_for_load_state()
    shelf.page.wait_for_function("performance.getEntriesByType('navigation')[0].type === 'reload'")
    length, *rest = shelf(
        "const {doc, image, id} = await openWorkspace(); return [doc.tracks[0].shapes[0].length, image, id]"
    )
    assert length in (2**24, 2**24 + 1) and rest == [{"id": "frame", "data": "data"}, id]


def test_the_younger_of_two_kept_states_counts_and_the_oldest_workspaces_go(shelf):
    script = """
        const made = [];
        for (let i = 0; i < 9; i++) {
            const doc = {n: i, image: 'f'}, image = {id: 'f', data: 'd' + i};
            const work = {id: 'aa' + i, doc, image, job: 'j' + i, result: ''};
            if (i < 2) { leaveWorkspace(work); continue; }
            await saveWorkspace(work);
            made.push(work);
            await new Promise(go => setTimeout(go, 3));
        }
        made[6].doc = {n: 'left', image: 'f'};
        leaveWorkspace(made[6]);
        const found = await openWorkspace();
        await saveWorkspace({...found, imageKept: null});
        await new Promise(go => setTimeout(go, 200));
        const local = Object.keys(localStorage).filter(k => k.startsWith('comogen'));
        return {found, saved: await savedWorkspaces(), local};"""
    made = shelf(script)
    found = made["found"]
    assert found["id"] == "aa8" and found["doc"]["n"] == "left" and found["job"] == "j8"
    assert found["image"] == {"id": "f", "data": "d8"}
    assert made["saved"] == ["aa8", "aa7", "aa6", "aa5", "aa4", "aa3"] and made["local"] == []


def test_a_browser_that_refuses_storage_is_known(shelf):
    assert shelf("""indexedDB.open = () => { throw new Error('no'); };
        const work = {...await openWorkspace(), doc: {image: '', n: 1}};
        const kept = await saveWorkspace(work), again = await readWorkspace(work.id);
        Storage.prototype.setItem = () => { throw new Error('no'); };
        return [kept, again.doc.n, await saveWorkspace(work)];""") == [True, 1, False]


def test_a_reload_during_generation_finds_the_job_and_then_its_result(screen, slow):
    prepared(screen)
    screen.generate()
    screen.page.wait_for_selector("#progress .film")
    screen.reload()
    screen.page.wait_for_selector("#progress .film")
    screen.page.locator("#stop").wait_for()
    slow.pause = QUICK
    screen.wait_videos(2)
    screen.reload()
    screen.wait_videos(2)
    screen.page.locator("#generate").wait_for()
    screen.page.locator("#compare").wait_for()


def test_stop_ends_it_soon_and_the_video_before_stays(screen, slow):
    prepared(screen)
    slow.pause = QUICK
    screen.generate()
    before = [v["src"] for v in screen.wait_videos(2)]
    slow.pause = 0.4
    screen.generate()
    screen.page.wait_for_selector("#progress .film")
    screen.page.click("#stop")
    screen.page.wait_for_selector("#progress :text('Stopped.')", timeout=3000)
    assert [v["src"] for v in screen.wait_videos(2)] == before
    assert len(screen.keyframes()) == 2
    screen.reload()
    assert [v["src"] for v in screen.wait_videos(2)] == before


def test_two_tabs_and_two_users_never_see_each_others_work(screen, context, other_desk, server, slow):
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
    assert screen.keyframes() == keys
    slow.pause = QUICK
    screen.wait_videos(2)
    assert second.page.locator("#player video").count() == 0
    third = Screen(other_desk, server.url)
    third.wait_hint("Click the object")
    assert (
        third.page.locator("#player video").count() == 0
        and third.page.locator("#progress .film").count() == 0
    )


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
    others = set(
        server.studio.sessions._sessions
    )  # pages of earlier tests, which may still be on their way out
    opened = Screen(context.new_page(), server.url)
    own = set(server.studio.sessions._sessions) - others
    assert own
    opened.page.close()
    for _ in range(100):
        if not own & set(server.studio.sessions._sessions):
            return
        server.studio.jobs.submit(lambda job: None).wait(1)
        opened_again = context.new_page()
        opened_again.wait_for_timeout(100)
        opened_again.close()
    raise AssertionError("the session is still there ten seconds after its page was closed")
