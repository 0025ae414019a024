"""The page: its parts in their places, and which event calls which handler."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..control.schedule import SCHEDULES
from ..settings import MAX_STRENGTH, Settings
from ..world.scene import FPS, FRAMES
from . import document, views
from .chooser import Chooser
from .choosing import BUILT_IN, CONTROL_NOTE, Choosing
from .clip_state import MOST
from .composer import Composer, start
from .driver import Driver
from .driving import Driving
from .editor import Editor
from .endpoint import endpoint
from .engine import CELLS
from .fetching import Fetching
from .filing import Filing
from .gallery import Gallery, thumbnails
from .handlers import Handlers, scene_picture
from .player import Player
from .plots import schedule_plot
from .running import Running
from .selecting import Selecting
from .shelf import EMBEDDED
from .studio import Studio

HEAD = (
    '<div id="head"><h1>CoMoGen Studio</h1>'
    "<p>Pick a picture, drag an object where it should go, and watch what happens.</p></div>"
)
UPLOAD_NOTE = (
    '<p class="small">The built-in model has only ever seen this table of coloured solids. '
    "With any other picture the selection and the editor work, but expect a strange video.</p>"
)
LOOK = 0.01  # seconds from look to look for new events; gradio's millisecond takes 7 % of a core for nothing
SETTINGS = ("prompt", "strength", "steps", "schedule", "seed", "control")
# Prompt and settings are part of the project document, which the editor holds.
TO_DOCUMENT = """(document, prompt, strength, steps, schedule, seed, control) =>
    ({...document, prompt, settings: {strength, steps, schedule, seed, control}})"""


def build(studio: Studio, downloads: bool = False) -> gr.Blocks:
    """The whole interface around a studio; `launch_options` belong to its launch.

    downloads: whether the page may fetch weights, which are written to the server's disk.
    """
    events, making = Handlers(studio), Running(studio)
    with gr.Blocks(title="CoMoGen Studio", analytics_enabled=False, fill_width=True) as page:
        gr.api(endpoint(studio, FRAMES), api_name="generate", concurrency_limit=4)
        job, result = gr.State(""), gr.State("")
        with gr.Row(elem_id="top"):
            gr.HTML(HEAD)
            sign = gr.HTML(views.sign_of(studio.shelf, EMBEDDED), elem_id="sign")
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=1):
                sources = _sources()
                with gr.Column(elem_classes="card"):
                    editor = Editor(
                        value=document.empty(FRAMES),
                        fps=FPS,
                        grid=list(CELLS),
                        modelFrames=FRAMES,
                        elem_id="editor",
                    )
                with gr.Column(elem_classes="card"):
                    driving = Driving(most=MOST, elem_id="driving")
            with gr.Column(scale=1):
                fields = _fields(bool(studio.shelf.offered))
                actions = _results()
        _wire_sources(events, sources, editor)
        _wire_editor(events, editor, fields)
        _wire_selecting(Selecting(studio), Fetching(studio, downloads), editor)
        _wire_driving(Driver(studio, FPS), driving, editor)
        _wire_files(Filing(studio, fps=FPS), editor, fields, sources["crop"])
        shown = ("progress", "player", "report", "generate", "stop", "compare")
        outputs = [sign, editor, job, result, *(actions[n] for n in shown)]  # as running.Update has them
        settings = [fields[n] for n in SETTINGS]
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        many: dict[str, Any] = {**quiet, "concurrency_limit": None}
        actions["generate"].click(making.generate, [editor, *settings, job], outputs, **many)
        actions["compare"].click(making.compare, [job, result], outputs, **many)
        actions["stop"].click(making.stop, job, None, queue=False, **quiet)
        opened = editor.restore(events.restore, editor, [editor, *settings, job, result], **quiet)
        _wire_chooser(Choosing(studio, downloads), fields, editor, sign, opened)
        opened.then(making.follow, [editor, job, result], outputs, **many)
        page.load(making.model_state, None, sign, **many)
        page.unload(events.close)
    page._queue.sleep_when_free = LOOK
    return page


def launch_options(studio: Studio) -> dict[str, Any]:
    """How the page is served: nothing is fetched from elsewhere, and only the studio's own files are handed out."""
    from .theme import SHELL, STYLE, theme

    return {
        "allowed_paths": [str(studio.folder)],
        "theme": theme(),
        "css_paths": STYLE,
        "head": SHELL,
        "footer_links": [],
        "ssr_mode": False,
        "show_error": True,
        "max_file_size": "64mb",
    }


def _sources() -> dict[str, Any]:
    """Where first frames come from."""
    with gr.Column(elem_classes="card"), gr.Tabs(elem_id="sources"):
        with gr.Tab("Examples"):
            gallery = Gallery(value=thumbnails(), elem_id="gallery")
        with gr.Tab("Compose"):
            composer = Composer(value=start(), picture=scene_picture(start()), elem_id="composer")
        with gr.Tab("Upload"):
            upload = gr.File(label="A picture, up to 64 MB", type="filepath", height=130, elem_id="upload")
            crop = gr.HTML(elem_id="crop")
            gr.HTML(UPLOAD_NOTE)
    return {"gallery": gallery, "composer": composer, "upload": upload, "crop": crop}


def _fields(choice: bool) -> dict[str, Any]:
    """Prompt and settings; choice: whether there is another model than the embedded one."""
    first = Settings()
    with gr.Column(elem_classes="card"):
        prompt = gr.Textbox(
            label="Prompt",
            placeholder="What moves, and where to",
            max_lines=3,
            max_length=document.MAX_PROMPT,
            elem_id="prompt",
        )
        control = gr.Radio(
            [(words, name) for name, words in views.CONTROLS.items()],
            value=first.control,
            label="Control",
            info=CONTROL_NOTE,
            elem_id="control",
        )
        with gr.Row(elem_id="weights"):
            with gr.Column(min_width=240):
                strength = gr.Slider(
                    0,
                    MAX_STRENGTH,
                    first.strength,
                    step=0.05,
                    label="Strength of the mask",
                    buttons=[],
                    elem_id="strength",
                )
                steps = gr.Slider(
                    1, document.MOST_STEPS, first.steps, step=1, label="Steps", buttons=[], elem_id="steps"
                )
            with gr.Column(min_width=240):
                plot = gr.HTML(schedule_plot(first.strength, first.steps, first.schedule), elem_id="plot")
        with gr.Row(elem_id="seeds"):
            schedule = gr.Radio(
                list(SCHEDULES),
                value=first.schedule,
                label="Fading over the steps",
                min_width=210,
                elem_id="schedule",
            )
            seed = gr.Number(
                first.seed,
                label="Seed",
                precision=0,
                minimum=0,
                maximum=document.MOST_SEED,
                min_width=110,
                elem_id="seed",
            )
            dice = gr.Button("New seed", elem_id="dice", min_width=100)
        chooser = Chooser(name=BUILT_IN, chosen=EMBEDDED, visible=choice, elem_id="chooser")
    return {
        "prompt": prompt,
        "strength": strength,
        "plot": plot,
        "steps": steps,
        "schedule": schedule,
        "seed": seed,
        "control": control,
        "dice": dice,
        "chooser": chooser,
    }


def _results() -> dict[str, Any]:
    """The buttons that make a video, and the video."""
    with gr.Column(elem_classes="card"):
        with gr.Row(elem_id="run"):
            generate = gr.Button("Generate", variant="primary", elem_id="generate")
            stop = gr.Button("Stop", variant="secondary", visible=False, elem_id="stop")
        progress = gr.HTML(views.IDLE, elem_id="progress")
        player = Player(value=None, elem_id="player")
        compare = gr.Button("Compare: the same without the mask", visible=False, elem_id="compare")
        report = gr.HTML(elem_id="report")
    return {
        "generate": generate,
        "stop": stop,
        "progress": progress,
        "player": player,
        "compare": compare,
        "report": report,
    }


def _wire_sources(events: Handlers, sources: dict[str, Any], editor: Editor) -> None:
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}
    composer = sources["composer"]
    sources["gallery"].choose(events.choose, None, editor, **quiet)
    sources["upload"].upload(events.upload, [sources["upload"], editor], [editor, sources["crop"]], **quiet)
    composer.redraw(events.compose, composer, composer, trigger_mode="always_last", **quiet)
    composer.shuffle(events.shuffle, None, composer, **quiet)
    composer.use(events.use_scene, composer, [composer, editor], **quiet)


def _wire_chooser(
    events: Choosing, fields: dict[str, Any], editor: Editor, sign: gr.HTML, opened: Any
) -> None:
    """opened: the event after which the editor has the page's draft."""
    many: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
    chooser = fields["chooser"]
    outputs = [chooser, editor, fields["control"], fields["steps"], sign]  # as choosing.Chosen has them
    chooser.look(events.look, editor, chooser, **many)
    chooser.fetch(events.fetch, None, chooser, **many)
    chooser.stop(events.obtaining.stop, None, None, **{**many, "queue": False})
    chooser.fetched(events.sign, editor, sign, **many)
    chooser.choose(events.choose, editor, outputs, **many)
    opened.then(events.reopen, editor, outputs, **many)


def _wire_files(files: Filing, editor: Editor, fields: dict[str, Any], crop: gr.HTML) -> None:
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 2}
    settings = [fields[n] for n in SETTINGS]
    editor.take_in(files.take_in, editor, [editor, *settings, crop], **quiet)
    editor.hand_out(files.hand_out, editor, editor, **quiet)


def _wire_driving(driver: Driver, driving: Driving, editor: Editor) -> None:
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    some: dict[str, Any] = {**quiet, "concurrency_limit": 2}
    many: dict[str, Any] = {**quiet, "concurrency_limit": None}  # they only look on
    direct: dict[str, Any] = {**quiet, "queue": False}
    driving.bring(driver.bring, None, driving, **some)
    driving.cut(driver.cut, None, driving, **some)
    driving.leave(driver.leave, None, driving, **many)
    driving.reopen(driver.reopen, None, driving, **many)
    driving.pick(driver.pick, None, driving, trigger_mode="multiple", **direct)
    driving.hide(driver.hide, None, driving, **direct)
    driving.forget(driver.forget, None, driving, **direct)
    driving.undo(driver.undo, None, driving, **direct)
    driving.track(driver.track, None, driving, **many)
    driving.halt(driver.halt, None, None, **direct)
    driving.put(driver.put, editor, [driving, editor], **some)


def _wire_selecting(events: Selecting, weights: Fetching, editor: Editor) -> None:
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    # Not by the queue: a click is answered by one request, and never waits behind other pages' events.
    at_once: dict[str, Any] = {**hidden, "queue": False, "trigger_mode": "multiple"}
    editor.pick(events.pick, editor, editor, **at_once)
    editor.leave(events.leave, None, None, **at_once)
    editor.stop_fetch(weights.stop, None, None, **at_once)
    slow: dict[str, Any] = {**hidden, "concurrency_limit": None, "trigger_mode": "multiple"}
    editor.pick_slowly(events.pick_slowly, editor, editor, **slow)
    editor.find(events.find, None, editor, **slow)
    editor.add_found(events.add_found, editor, editor, **slow)
    editor.fetch(weights.fetch, None, editor, **slow)
    editor.follow(weights.follow, None, editor, **slow)


def _wire_editor(events: Handlers, editor: Editor, fields: dict[str, Any]) -> None:
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}
    editor.edit(
        events.edited, [editor, fields["prompt"]], fields["prompt"], trigger_mode="always_last", **quiet
    )
    plotted = [fields[n] for n in ("strength", "steps", "schedule", "control")]
    shown = [fields["plot"], fields["schedule"]]
    for field in plotted:
        field.change(events.plot, plotted, shown, trigger_mode="always_last", **quiet)
    fields["dice"].click(events.new_seed, None, fields["seed"], **quiet)
    settings = [fields[n] for n in SETTINGS]
    for field in settings:
        field.change(None, [editor, *settings], editor, js=TO_DOCUMENT, show_progress="hidden")
