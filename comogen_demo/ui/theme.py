"""How the page looks: system fonts only, so that no other host is ever asked; follows the browser's light or dark."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).parent / "style.css"
# Gradio confines a page's css to what lies inside <main>; this is for what lies around it.
SHELL = """<style>
.gradio-container, .gradio-container .fillable, .gradio-container .wrap:has(> main), .gradio-container main {
  width: 100%; box-sizing: border-box; }
@media (max-width: 640px) { .gradio-container .fillable { padding: 0 !important; } }
</style>"""
SANS = [
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Arial",
    "sans-serif",
]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#f5f6fa",
        body_background_fill_dark="#0e1220",
        body_text_color_subdued="#566074",  # enough contrast to read, as the next one
        body_text_color_subdued_dark="#a4afc3",
        block_background_fill="*background_fill_primary",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        button_primary_background_fill="#4563f2",
        button_primary_background_fill_hover="#3a58e6",
        button_primary_background_fill_dark="#4563f2",
        button_primary_background_fill_hover_dark="#3a58e6",
        button_primary_text_color="#ffffff",
        slider_color="#4b6bfb",
    )
