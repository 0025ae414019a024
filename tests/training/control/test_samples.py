"""Samples on disk: made once, made anew when a clip changes; noise and times follow from the seed alone."""

import numpy as np
import pytest
import torch

from comogen_demo.control.adapter import occupancy
from comogen_demo.errors import UserError
from comogen_demo.masks import save_masks
from comogen_demo.training.control.samples import SampleCache, draw, order
from comogen_demo.training.control.trainable import covered_by, make_trainable, with_lead
from comogen_demo.training.data.folder import read_clip
from tests.tiny import tiny_model
from tests.training.control.tiny_run import write_data
from tests.training.data.made import square


@pytest.fixture
def cache(tmp_path):
    trainable = make_trainable(tiny_model().backbone)
    return SampleCache(tmp_path / "samples", write_data(tmp_path / "data", 3), trainable, 2)


def stamps(cache):
    return {path.name: path.stat().st_mtime_ns for path in cache.folder.glob("*.safetensors")}


def test_samples_are_what_the_clip_gives(cache):
    list(cache.fill())
    batch = cache.batch(["clip-0", "clip-2"], "cpu")
    clip = read_clip(cache.data, "clip-2")
    expected = cache.trainable.encode(clip)
    assert torch.allclose(batch["latents"][1], expected["latents"], atol=5e-3)
    assert torch.equal(batch["tokens"][1], expected["tokens"])
    covered = occupancy(torch.from_numpy(clip.masks)[None], cache.trainable.backbone.token_grid, 2)
    assert torch.allclose(batch["covered"][1], covered[0], atol=1e-3)


def test_samples_are_made_once_and_anew_when_the_clip_changes(cache):
    list(cache.fill())
    first = stamps(cache)
    list(cache.fill())
    assert stamps(cache) == first
    save_masks(cache.data / "clip-1.masks.zip", square(height=32, width=32)[1][::-1])
    list(cache.fill())
    changed = {name for name, stamp in stamps(cache).items() if stamp != first[name]}
    assert changed == {"clip-1.safetensors"}
    other = SampleCache(cache.folder, cache.data, cache.trainable, 4)
    list(other.fill())
    assert not set(stamps(cache).values()) & set(first.values()), "other cells, other samples"


def test_processes_share_the_clips(cache):
    shares = [[finding.name for finding in cache.fill(i, 2)] for i in range(2)]
    assert shares == [["clip-0", "clip-2"], ["clip-1"]]


def test_a_clip_that_cannot_be_used_is_left_out_and_said(cache):
    (cache.data / "clip-1.txt").unlink()
    faults = {finding.name: finding.fault for finding in cache.fill()}
    assert "no caption" in faults["clip-1"] and cache.good() == ["clip-0", "clip-2"]
    for name in ("clip-0", "clip-2"):
        (cache.data / f"{name}.masks.zip").unlink()
    list(cache.fill())
    with pytest.raises(UserError, match="No clip"):
        cache.good()


def test_a_damaged_sample_is_made_again(cache):
    list(cache.fill())
    (cache.folder / "clip-0.safetensors").write_bytes(b"damaged")
    assert not any(finding.fault for finding in cache.fill())
    assert cache.batch(["clip-0"], "cpu")["latents"].shape[0] == 1


def test_parts_of_a_batch_draw_what_the_whole_draws():
    noise, u = draw((3, 1, 7), (4, 2), 0, 4, 4)
    for first in (0, 2):
        part, times = draw((3, 1, 7), (4, 2), first, 2, 4)
        assert torch.equal(part, noise[first : first + 2]) and torch.equal(times, u[first : first + 2])
    assert sorted((u * 4).long().tolist()) == [0, 1, 2, 3], "one time in each quarter"
    assert len({row.sum().item() for row in noise}) == 4
    assert not torch.equal(draw((3, 1, 8), (4, 2), 0, 4, 4)[0], noise)


def test_noise_is_standard_normal():
    noise = draw((0, 0, 0), (64, 64), 0, 4, 4)[0]
    assert abs(float(noise.mean())) < 0.02 and abs(float(noise.std()) - 1) < 0.02


def test_every_clip_comes_once_in_an_epoch():
    assert sorted(order(0, 0, 9)) == list(range(9))
    assert list(order(0, 0, 9)) != list(order(0, 1, 9))


def test_masks_of_a_backbone_with_a_lead():
    masks = square()[1]
    held = with_lead(masks, 4)
    assert len(held) == 13 and np.array_equal(held[4:], masks)
    assert all(np.array_equal(mask, masks[0]) for mask in held[:4])

    class Led:
        lead, token_grid = 4, (4, 4, 6)

    covered = covered_by(masks, Led, 2)
    assert covered.shape == (4, 8, 12) and torch.equal(covered[0] > 0, covered[1] > 0)
