"""The changes of a document and its history, as the browser makes them: pure functions, run in a blank page."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

import comogen_demo.ui.editor as editor
from tests.ui.test_parity import FOLDER

KIT = "\n".join((FOLDER / f"{name}.js").read_text("utf-8") for name in ("motion", "edits", "history"))


@pytest.fixture
def call(desk):
    """call('setKey(track, 3, {x: 1})', track=...): the value of an expression of the editor's functions."""

    def evaluate(expression: str, **given: Any) -> Any:
        script = f"'use strict'; {KIT}; const {{{', '.join(given)}}} = given; return {expression};"
        return desk.evaluate("([script, given]) => new Function('given', script)(given)", [script, given])

    return evaluate


def key(t: int, **given: Any) -> dict[str, Any]:
    rest = {"shape": 0, "x": 0, "y": 0, "rotation": 0, "scale": 1, "ease": [0, 0, 1, 1]}
    return {"t": t, **rest, "hold": False, "hidden": False, **given}


def track_of(*keys: dict[str, Any], shapes: int = 1, **given: Any) -> dict[str, Any]:
    urls = [f"shape {i}" for i in range(shapes)]
    return {"id": "1", "name": "it", "smooth": 0, "shapes": urls, "keyframes": list(keys), **given}


def document(*tracks: dict[str, Any], frames: int = 25) -> dict[str, Any]:
    return {"version": 2, "frames": frames, "tracks": list(tracks), "prompt": "p", "settings": {}}


def times(track: dict[str, Any]) -> list[int]:
    return [k["t"] for k in track["keyframes"]]


def test_no_name_of_the_scripts_is_given_twice():
    """They share one scope: a second function of a name would silently replace the first."""
    names: Counter[str] = Counter()
    for script in editor.SCRIPTS:
        source = (FOLDER / f"{script}.js").read_text("utf-8")
        names.update(re.findall(r"^(?:async )?function (\w+)", source, re.M))
        for line in re.findall(r"^(?:const|let) (.+)", source, re.M):
            names.update(re.findall(r"(?:^|, )(\w+) = ", line))
    assert len(names) > 60, "the names are found"
    assert [name for name, count in names.items() if count > 1] == []


def test_an_older_document_is_brought_up_to_date(call):
    old = {
        "version": 1,
        "frames": 25,
        "image": "a",
        "source": {"kind": "example", "index": 2},
        "tracks": [
            {"id": "7", "name": "cube", "colour": "#112233", "mask": "url", "keyframes": [{"t": 9, "x": 4}]}
        ],
        "prompt": "it moves",
        "settings": {"steps": 4},
        "later": 1,
    }
    made = call("migrateDoc(old)", old=old)
    assert made["version"] == 2 and made["tracks"][0]["shapes"] == ["url"] and "mask" not in made["tracks"][0]
    assert made["tracks"][0]["keyframes"] == [key(9, x=4)]
    assert (made["tracks"][0]["id"], made["tracks"][0]["colour"]) == ("7", "#112233")
    flags = {name: made["tracks"][0][name] for name in ("on", "visible", "locked", "smooth")}
    assert flags == {"on": True, "visible": True, "locked": False, "smooth": 0}
    assert (made["prompt"], made["settings"], made["later"]) == ("it moves", {"steps": 4}, 1)
    assert call("migrateDoc(made)", made=made) == made
    assert call("migrateDoc({})")["tracks"] == []


def test_a_new_track_differs_from_the_others(call):
    made = call(
        "Array.from({length: 9}).reduce(doc => newTrack(doc, {name: 'it', shape: 's'}), doc)", doc=document()
    )
    tracks = made["tracks"]
    assert len({t["id"] for t in tracks}) == 9 and len({t["colour"] for t in tracks[:8]}) == 8
    assert [t["name"] for t in tracks[:3]] == ["it", "it 2", "it 3"] and len({t["name"] for t in tracks}) == 9
    assert tracks[0]["keyframes"] == [key(0)]
    again = call("newTrack(removeTrack(doc, '2'), {name: 'x', shape: 's'})", doc=made)["tracks"]
    assert len({t["id"] for t in again}) == 9 and again[-1]["colour"] == tracks[1]["colour"]


def test_a_copy_is_a_track_of_its_own(call):
    doc = document(track_of(key(0), key(24, x=5), colour="#5b8cff"), track_of(id="2", colour="#000000"))
    made = call("copyTrack(doc, '1')", doc=doc)["tracks"]
    assert made[:2] == doc["tracks"] and made[2]["keyframes"] == doc["tracks"][0]["keyframes"]
    assert (made[2]["id"], made[2]["name"]) == ("3", "it 2") and made[2]["colour"] != "#5b8cff"


def test_keyframes_are_set_moved_and_removed(call):
    track = track_of(key(0), key(24, x=5, hold=True))
    made = call("setKey(track, 12, {x: 3, y: -2})", track=track)
    assert made["keyframes"] == [key(0), key(12, x=3, y=-2), key(24, x=5, hold=True)]
    made = call("setKey(track, 24, {y: 1})", track=track)
    assert made["keyframes"][1] == key(24, x=5, y=1, hold=True)
    assert call("moveKey(track, 24, 7)", track=track)["keyframes"] == [key(0), key(7, x=5, hold=True)]
    assert call("moveKey(track, 24, 0)", track=track)["keyframes"] == [key(0, x=5, hold=True)]
    assert call("moveKey(track, 24, 24)", track=track) == track
    assert call("removeKey(track, 0)", track=track)["keyframes"] == [key(24, x=5, hold=True)]
    assert call("removeKey(track, 3)", track=track) == track


def test_shapes_that_no_keyframe_shows_go_away(call):
    track = track_of(key(0), key(9, shape=1), key(24, shape=2), shapes=3)
    made = call("removeKey(track, 9)", track=track)
    assert made["shapes"] == ["shape 0", "shape 2"] and made["keyframes"] == [key(0), key(24, shape=1)]
    made = call("[0, 9, 24].reduce(removeKey, track)", track=track)
    assert made["shapes"] == ["shape 2"] and made["keyframes"] == []
    made = call("addShapeKey(track, 9, 'new')", track=track)
    assert made["shapes"] == ["shape 0", "shape 2", "new"]
    assert made["keyframes"] == [key(0), key(9, shape=2), key(24, shape=1)]
    made = call("addShapeKey(track, 4, 'new')", track=track_of(key(0, x=3), key(4, x=9, hidden=True)))
    assert made["keyframes"] == [key(0, x=3), key(4, shape=1)]
    assert call("replaceShape(track, 1, 'new')", track=track)["shapes"] == ["shape 0", "new", "shape 2"]


SHOW = """(track, frames) => Array.from({length: frames}, (_, t) => {
    const still = {centre: {x: 0, y: 0}}, moment = momentAt(track, track.shapes.map(() => still), t);
    return moment && [moment.x, moment.parts[0].rotation, moment.parts[0].scale]; })"""


def shown(call, track: dict[str, Any], frames: int) -> list[list[float] | None]:
    return call(f"({SHOW})(track, frames)", track=track, frames=frames)


def test_backwards_is_the_same_way_from_its_end(call):
    eased = [0.42, 0, 0.2, 1.3]
    track = track_of(key(2, ease=eased), key(9, x=70, rotation=40, hold=True), key(20, x=200, scale=2))
    back = call("reverseTrack(track, 25)", track=track)
    forward, turned = shown(call, track, 25), shown(call, back, 25)
    for one, other in zip(forward, reversed(turned), strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    twice = call(
        "reverseTrack(reverseTrack(track, 25), 25)", track=track_of(key(0), key(9, x=7), key(24, x=3))
    )
    assert twice == track_of(key(0), key(9, x=7), key(24, x=3))
    hidden = track_of(key(0), key(10, x=50, hidden=True), key(20, x=90))
    gone = [
        t
        for t, one in enumerate(shown(call, call("reverseTrack(track, 25)", track=hidden), 25))
        if one is None
    ]
    assert gone == list(range(4, 14))  # as long as before, between the same two keyframes
    assert call("reverseTrack(track, 25)", track=track_of()) == track_of()


def test_a_shift_stops_at_the_ends(call):
    track = track_of(key(3), key(10, x=5))
    assert times(call("shiftTrack(track, 4, 25)", track=track)) == [7, 14]
    assert times(call("shiftTrack(track, 99, 25)", track=track)) == [17, 24]
    assert times(call("shiftTrack(track, -99, 25)", track=track)) == [0, 7]
    assert call("shiftTrack(track, 5, 25)", track=track_of()) == track_of()


def test_loops_fill_all_frames(call):
    track = track_of(key(0), key(12, x=60))
    ping = shown(call, call("loopTrack(track, 25, 'pingpong', 2)", track=track), 25)
    assert [one[0] for one in ping] == pytest.approx(
        [5 * t for t in range(13)] + [5 * t for t in range(11, -1, -1)]
    )
    again = call("loopTrack(track, 24, 'repeat', 3)", track=track)
    assert times(again) == [0, 7, 8, 15, 16, 23]
    way = [one[0] for one in shown(call, again, 24)]
    assert way[0] == way[8] == way[16] == 0 and way[7] == way[15] == way[23] == 60
    assert call("loopTrack(track, 25, 'repeat', 3)", track=track_of(key(4))) == track_of(key(4))


def test_a_mirror_turns_the_other_way(call):
    track = track_of(key(0), key(24, x=30, y=4, rotation=20, scale=2))
    made = call("mirrorTrack(track, ['flipped'], 100)", track=track)
    assert made["shapes"] == ["flipped"] and made["keyframes"][1] == key(
        24, x=-30, y=4, rotation=-20, scale=2
    )


def test_another_number_of_frames(call):
    doc = document(track_of(key(0), key(6, x=1), key(24, x=48)), track_of(id="2"))
    long = call("rescaleFrames(doc, 49, 'stretch', () => [])", doc=doc)
    assert long["frames"] == 49 and times(long["tracks"][0]) == [0, 12, 48]
    kept = call("rescaleFrames(doc, 49, 'keep', () => [])", doc=doc)
    assert kept["frames"] == 49 and kept["tracks"] == doc["tracks"]
    still = "() => [{centre: {x: 7, y: 9}}]"
    cut = call(f"rescaleFrames(doc, 13, 'keep', {still})", doc=document(track_of(key(0), key(24, x=48))))
    assert cut["tracks"][0]["keyframes"] == [key(0), key(12, x=24)]
    crowded = document(track_of(*(key(t, x=t) for t in range(25))))
    short = call("rescaleFrames(doc, 5, 'stretch', () => [])", doc=crowded)["tracks"][0]
    assert times(short) == [0, 1, 2, 3, 4] and short["keyframes"][4]["x"] == 24


def test_changes_leave_what_they_were_made_from(call):
    track = track_of(key(0), key(9, shape=1), key(24, x=5), shapes=2)
    calls = ["setKey(t, 5, {x: 1})", "removeKey(t, 9)", "moveKey(t, 9, 10)", "addShapeKey(t, 9, 'n')"]
    calls += ["reverseTrack(t, 25)", "shiftTrack(t, 2, 40)", "loopTrack(t, 25, 'pingpong', 2)"]
    doc = document(track)
    frozen = """(() => { const freeze = v => { if (v && typeof v === 'object') {
        Object.values(v).forEach(freeze); Object.freeze(v); } return v; };
        const t = freeze(doc).tracks[0], before = JSON.stringify(doc);
        CALLS; rescaleFrames(doc, 5, 'stretch', () => []); copyTrack(doc, '1'); newTrack(doc, {shape: 's'});
        return JSON.stringify(doc) === before ? JSON.parse(before) : null; })()"""
    assert call(frozen.replace("CALLS", "; ".join(calls)), doc=doc) == json.loads(json.dumps(doc))


def test_history_goes_all_the_way_back_and_leaves_prompt_settings_and_model(call):
    script = """(() => {
        const past = makeHistory(); let doc = {n: 0, prompt: 'a', settings: 1, model: ''};
        for (let n = 1; n <= 1000; n++) { past.push(doc); doc = {n, prompt: 'b', settings: 2, model: 'wan'}; }
        doc = {...doc, prompt: 'c'};
        let steps = 0;
        while (past.canUndo) { doc = past.undo(doc); steps++; }
        const first = doc;
        for (let i = 0; i < 10; i++) doc = past.redo(doc);
        past.push(doc);
        return {steps, first, then: doc, redo: past.canRedo}; })()"""
    assert call(script) == {
        "steps": 1000,
        "first": {"n": 0, "prompt": "c", "settings": 2, "model": "wan"},
        "then": {"n": 10, "prompt": "c", "settings": 2, "model": "wan"},
        "redo": False,
    }
