"""The two stages on a tiny backbone: the loss falls, only what should learns, a run resumed is the same run."""

import multiprocessing
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType

from comogen_demo.errors import UserError
from comogen_demo.training.control.state import Average
from tests.training.control.tiny_run import SETTINGS, learned, make_trainer, train, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("control") / "data")


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    trainer = make_trainer(tmp_path_factory.mktemp("finished"), data)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    lines = [line for stage in ("adapter", "lora") for line in trainer.run(stage)]
    return trainer, before, lines


def test_the_memory_of_both_stages_is_told(finished):
    lines = finished[2]
    for stage in ("adapter", "lora"):
        (line,) = [line for line in lines if line.startswith(f"{stage}: peak memory")]
        assert float(line.split()[3]) > 0
        assert finished[0].record.stages[stage]["peak_memory"] > 0


def test_only_what_should_learns(finished):
    trainer, before, _ = finished
    after = {k.replace(".base_layer.", "."): v for k, v in trainer.model.state_dict().items()}
    for name, value in before.items():
        assert torch.equal(after[name], value) != name.startswith("adapter."), name
    new = after.keys() - before.keys()
    assert new and all(".lora_" in name for name in new)
    blocks = {name.split(".attn.")[0].removeprefix("denoiser.transformer.") for name in new}
    assert blocks == {"transformer_blocks.0", "single_transformer_blocks.1"}, "the Motion Layers 0 and 2"
    assert any(after[name].abs().max() > 0 for name in new if "lora_B" in name)


def test_what_is_kept_is_what_learns(finished):
    trainer = finished[0]
    names = {name for name, p in trainer.model.named_parameters() if p.requires_grad}
    assert learned(trainer.folder, "lora").keys() == names
    assert learned(trainer.folder, "adapter").keys() == {n for n in names if n.startswith("adapter.")}


def test_the_hooks_are_gone_afterwards(finished):
    blocks = finished[0].trainable.backbone.blocks
    assert all(not block._forward_pre_hooks for block in blocks)


def test_the_loss_falls(data, tmp_path):
    """On one batch drawn again and again, so that the fall is the learning's and not the draw's."""
    trainer = make_trainer(
        tmp_path, data, replace(SETTINGS, batch=4, adapter_epochs=25, lora_epochs=25, learning_rate=1e-2)
    )
    batch = trainer._batch("adapter", 0, 0, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_batch", lambda *_: batch)
        for stage in ("adapter", "lora"):
            list(trainer.run(stage))
    curves = [[f["loss"] for f in trainer.record.stages[s]["curve"]] for s in ("adapter", "lora")]
    assert curves[0][-1] < 0.97 * curves[0][0]
    assert curves[1][-1] < 0.9 * curves[0][-1]


class Broken(Exception):
    pass


@pytest.mark.parametrize("stage", ["adapter", "lora"])
def test_a_run_broken_off_and_resumed_equals_an_unbroken_one(finished, data, tmp_path, monkeypatch, stage):
    """Broken off one step after the checkpoint, in either stage."""
    trainer = make_trainer(tmp_path, data)
    passed = []
    follow = Average.follow

    def breaking(average, step):
        follow(average, step)
        passed.append(step)
        if step == 3 and len(passed) == (4 if stage == "adapter" else 8):
            raise Broken

    monkeypatch.setattr(Average, "follow", breaking)
    with pytest.raises(Broken):
        for name in ("adapter", "lora"):
            list(trainer.run(name))
    monkeypatch.undo()
    assert (tmp_path / f"{stage}-state.pt").exists() and not (tmp_path / f"{stage}.pt").exists()
    again = make_trainer(tmp_path, data)
    lines = [line for name in ("adapter", "lora") for line in again.run(name)]
    assert any("step 4 of 4" in line for line in lines) and not any(f"{stage}: step 3" in x for x in lines)
    for name in ("adapter", "lora"):
        whole, parts = learned(finished[0].folder, name), learned(tmp_path, name)
        assert whole.keys() == parts.keys() and all(torch.equal(whole[k], parts[k]) for k in whole)
        curves = [run.record.stages[name]["curve"] for run in (finished[0], again)]
        assert curves[0] == curves[1]


def test_gradient_checkpointing_changes_memory_only(finished, data, tmp_path):
    plain = make_trainer(tmp_path, data, replace(SETTINGS, gradient_checkpointing=False))
    list(plain.run("adapter"))
    expected = learned(finished[0].folder, "adapter")
    for name, value in learned(tmp_path, "adapter").items():
        assert torch.allclose(value, expected[name], atol=1e-5), name


def test_two_processes_equal_one_with_the_doubled_batch(data, tmp_path):
    """One process trains on batches of two, each of the two on one clip of them; gloo carries the gradients, and the
    weights of the backbone where it is in parts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = replace(SETTINGS, adapter_epochs=1, lora_epochs=1)
    single = make_trainer(tmp_path / "alone", data, settings)
    start = {name: value.clone() for name, value in single.adapter.state_dict(prefix="adapter.").items()}
    several = {str(tmp_path / "whole"): settings, str(tmp_path / "parts"): replace(settings, shard=True)}
    multiprocessing.set_forkserver_preload(["tests.training.control.tiny_run"])  # imported once for both
    torch.multiprocessing.start_processes(
        train, (several, data, port, 2), nprocs=2, start_method="forkserver"
    )
    for stage in ("adapter", "lora"):
        list(single.run(stage))
        alone = learned(tmp_path / "alone", stage)
        for folder in several:
            both = learned(Path(folder), stage)
            assert alone.keys() == both.keys()
            for name, value in alone.items():
                assert torch.allclose(both[name], value, atol=1e-5), (folder, name)
        changed = max(float((alone[name] - start[name]).abs().max()) for name in start)
        assert changed > 1e-4, "it has learnt more than that tolerance"


def test_a_model_in_parts_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.setattr(Accelerator, "distributed_type", DistributedType.FSDP)
    with pytest.raises(UserError, match="--shard"):
        make_trainer(tmp_path, data)


def test_one_process_has_no_parts(data, tmp_path):
    with pytest.raises(UserError, match="several"):
        make_trainer(tmp_path, data, replace(SETTINGS, shard=True))


def test_a_stage_that_is_done_is_loaded(finished, data):
    trainer = make_trainer(finished[0].folder, data)
    assert [line for s in ("adapter", "lora") for line in trainer.run(s)] == [
        "adapter: done before",
        "lora: done before",
    ]
    own, other = trainer.model.state_dict(), finished[0].model.state_dict()
    assert own.keys() == other.keys() and all(torch.equal(own[k], other[k]) for k in own)


def test_the_cost_is_told_before(finished):
    lines = list(finished[0].cost())
    assert len(lines) == 2 and all("4 steps of 2 clips" in line and "GB" in line for line in lines)
