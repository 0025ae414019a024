"""Where the weights of a large backbone are found, and that half of them do not count."""

import json
import os

import pytest

from comogen_demo.backbones.registry import PRESETS
from comogen_demo.backbones.stored import find_stored, source_of

PRESET = PRESETS["wan"]
INDEX = {"weight_map": {"a": "part-1-of-2.safetensors", "b": "part-2-of-2.safetensors"}}
FILES = {
    "model_index.json": json.dumps(
        {
            "_class_name": "WanImageToVideoPipeline",
            "image_encoder": [None, None],
            "transformer": ["diffusers", "WanTransformer3DModel"],
            "vae": ["diffusers", "AutoencoderKLWan"],
            "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        }
    ),
    "transformer/config.json": "{}",
    "transformer/model.safetensors.index.json": json.dumps(INDEX),
    "transformer/part-1-of-2.safetensors": "",
    "transformer/part-2-of-2.safetensors": "",
    "vae/config.json": "{}",
    "vae/model.safetensors": "",
    "scheduler/scheduler_config.json": "{}",
}


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr("comogen_demo.weights.FOLDER", tmp_path / "checkpoints")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "checkpoints"


def write(folder, leave=""):
    for name, text in FILES.items():
        if name != leave:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


def snapshot(cache, revision):
    return cache / "models--Wan-AI--Wan2.2-TI2V-5B-Diffusers" / "snapshots" / revision


def test_checkpoints_come_before_the_cache_and_the_newest_snapshot_first(checkpoints, tmp_path):
    assert find_stored(PRESET) is None and source_of(PRESET, None) == PRESET.hub
    old, new = (write(snapshot(tmp_path / "cache", name)) for name in ("z", "a"))
    os.utime(old, (1, 1))
    assert find_stored(PRESET) == new
    (new / "vae" / "model.safetensors").unlink()
    assert find_stored(PRESET) == old
    own = write(checkpoints / "wan")
    assert find_stored(PRESET) == own and source_of(PRESET, None) == str(own)
    assert source_of(PRESET, "elsewhere") == "elsewhere"


@pytest.mark.parametrize("missing", FILES)
def test_what_lacks_a_file_is_not_there(checkpoints, missing):
    write(checkpoints / "wan", missing)
    assert find_stored(PRESET) is None
