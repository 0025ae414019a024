"""The training record: what each stage was set to, how long it took and how it went, as one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Record:
    """Appends figures to `folder/record.json` as {stage: {"settings": {...}, "curve": [...], ...}}."""

    def __init__(self, folder: Path):
        self.path = folder / "record.json"
        self.stages: dict[str, dict[str, Any]] = (
            json.loads(self.path.read_text()) if self.path.exists() else {}
        )

    def start(self, stage: str, settings: dict[str, Any]) -> None:
        self.stages.setdefault(stage, {"curve": []})["settings"] = settings
        self._write()

    def add(self, stage: str, figures: dict[str, float]) -> None:
        self.stages.setdefault(stage, {"curve": []})["curve"].append(
            {k: round(v, 5) for k, v in figures.items()}
        )
        self._write()

    def cut(self, stage: str, step: int) -> None:
        """Takes out what was added after `step`, from which a stage goes on."""
        if stage in self.stages:
            curve = self.stages[stage]["curve"]
            self.stages[stage]["curve"] = [figures for figures in curve if figures["step"] <= step]

    def finish(self, stage: str, **results: Any) -> None:
        self.stages.setdefault(stage, {"curve": []}).update(done=True, **results)
        self._write()

    def done(self, stage: str) -> bool:
        return bool(self.stages.get(stage, {}).get("done"))

    def _write(self) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.stages, indent=1))
        part.replace(self.path)
