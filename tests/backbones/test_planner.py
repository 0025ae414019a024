"""The planner's arithmetic, on presets at full size and machines of all sizes."""

from dataclasses import replace

import pytest
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLWan,
    CogVideoXTransformer3DModel,
    HunyuanVideoTransformer3DModel,
    WanTransformer3DModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from comogen_demo.backbones.planner import MODES, SPARE, DoesNotFit, Machine, below, plan, with_sizes
from comogen_demo.backbones.registry import PRESETS
from comogen_demo.errors import UserError
from tests.backbones.families import cogvideox, hunyuan, wan

WAN = {"num_attention_heads": 24, "ffn_dim": 14336, "num_layers": 30}
SPEED = {mode: place for place, mode in enumerate(MODES)}
PLENTY = Machine(1000, 1000, 1000)


@pytest.fixture(autouse=True)
def quantises(monkeypatch):
    """Whether torchao is installed or not."""
    monkeypatch.setattr("comogen_demo.backbones.planner.quantises", lambda: True)


def mode_of(preset, machine):
    try:
        return SPEED[plan(preset, machine).mode]
    except UserError:
        return len(SPEED)


@pytest.mark.parametrize("name", PRESETS)
def test_less_memory_or_a_larger_video_never_gives_a_faster_mode(name):
    preset = PRESETS[name]
    sizes = range(2, 200, 3)
    for ram in (8, 40, 300):
        modes = [mode_of(preset, Machine(vram, ram, 100)) for vram in sizes]
        assert modes == sorted(modes, reverse=True)
    modes = [mode_of(preset, Machine(24, ram, 100)) for ram in sizes]
    assert modes == sorted(modes, reverse=True) and SPEED["int8"] in modes
    longer = [mode_of(replace(preset, frames=4 * n + 1), Machine(48, 300, 100)) for n in range(2, 120, 6)]
    assert longer == sorted(longer)
    reached = {mode_of(preset, Machine(v, 300, 100)) for v in sizes} | set(modes)
    assert {SPEED[m] for m in MODES if m != "cpu"} <= reached


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "cpu"])
def test_a_mode_is_chosen_from_exactly_what_it_is_estimated_at(name, mode):
    needed = plan(PRESETS[name], PLENTY, mode)
    enough = Machine(needed.vram, needed.ram, needed.disk)
    assert plan(PRESETS[name], enough).mode == mode
    assert mode_of(PRESETS[name], replace(enough, vram=needed.vram - 1e-6)) > SPEED[mode]
    assert mode_of(PRESETS[name], replace(enough, ram=needed.ram - 1e-6)) > SPEED[mode]


def test_the_estimates_count_the_weights():
    """CogVideoX: 5.6 and 4.76 billion parameters in bfloat16, the VAE's .22 in float32."""
    preset = replace(PRESETS["cogvideox"], width=16, height=16, frames=1)
    held = {mode: plan(preset, PLENTY, mode) for mode in MODES}
    denoiser, text, vae = 11.2, 9.52, 0.88
    near = pytest.approx
    assert held["resident"].vram == near(denoiser + text + vae + SPARE, abs=0.01)
    assert held["model-offload"].vram == near(denoiser + vae + SPARE, abs=0.01)
    assert held["fp8"].vram == near(text + vae + SPARE, abs=0.01), "the text encoder is the larger part"
    assert held["group-offload"].vram == near(2.5 + vae + SPARE, abs=0.01)
    assert held["cpu"].vram == 0 and held["cpu"].ram == near(2 * (denoiser + text) + vae + SPARE, abs=0.01)
    assert held["int8"].vram == held["fp8"].vram
    assert held["int8"].ram == near(denoiser / 2 + text + vae + SPARE), "never whole in RAM"
    others = {held[mode].ram for mode in MODES if mode not in ("cpu", "int8")}
    assert others == {denoiser + text + vae + SPARE}


def test_a_plan_says_what_it_needs_and_what_it_does_not_know():
    sentence = plan(PRESETS["wan"], Machine(80, 90, 100)).sentence
    for words in (
        "memory: resident",
        "(80.0 free)",
        "(90.0 free)",
        "download 34.0 GB (100.0 free",
        "not measured",
        "not known before the first ones",
    ):
        assert words in sentence


FAST = Machine(1000, 1000, 1000, rate=400, bus=50)


def test_seconds_follow_from_operations_rate_and_bus():
    """HunyuanVideo at 61 frames: 374 TFLOP a step are counted on its modules by benchmarks/large.py."""
    preset = replace(PRESETS["hunyuan"], steps=50)
    held = {mode: plan(preset, FAST, mode) for mode in MODES if mode != "cpu"}
    whole = held["resident"].seconds
    assert whole == pytest.approx(50 * 374 / 400, rel=0.15)
    assert "50 steps take is about 49 seconds, derived" in held["resident"].sentence
    assert held["model-offload"].seconds == pytest.approx(whole + 2 * 12.8 / 50)
    assert whole < held["fp8"].seconds < held["model-offload"].seconds
    assert held["group-offload"].seconds == whole, "the bus is faster than the step"
    assert plan(preset, replace(FAST, bus=5), "group-offload").seconds == pytest.approx(50 * 25.6 / 5)
    assert plan(replace(preset, steps=5000), FAST, "resident").sentence.count("about 82 minutes") == 1
    assert plan(preset, replace(FAST, vram=0), "cpu").seconds == whole
    assert plan(preset, FAST, "cpu").seconds is None, "the rate is the GPU's"


@pytest.mark.parametrize("name", PRESETS)
def test_operations_are_those_of_the_full_size_within_a_quarter(name):
    """Of the block's linear layers, as they are at full size, in one pass of one video."""
    preset = replace(PRESETS[name], steps=1, batch=1, passes=1)
    shapes = {
        "hunyuan": (HunyuanVideoTransformer3DModel, {}),
        "cogvideox": (CogVideoXTransformer3DModel, {"num_attention_heads": 48, "num_layers": 42}),
        "wan": (WanTransformer3DModel, WAN),
    }
    kind, shape = shapes[preset.module]
    with torch.device("meta"):
        network = kind(**shape)
    stacks = [module for module in network.children() if isinstance(module, torch.nn.ModuleList)]
    blocks = [block for stack in stacks for block in stack]
    assert len(blocks) == preset.blocks
    text = ("add_", "context", "norm", "attn2.to_k", "attn2.to_v")  # few places, or one
    weights = sum(
        module.weight.numel()
        for block in blocks
        for layer, module in block.named_modules()
        if isinstance(module, torch.nn.Linear) and not any(part in layer for part in text)
    )
    tiny = replace(preset, width=preset.token_side, height=preset.token_side, frames=1)  # two tokens
    made = plan(tiny, FAST, "resident").seconds * 400e12
    assert made == pytest.approx(2 * 2 * weights, rel=0.25)


def test_what_does_not_fit_is_one_sentence_and_can_be_tried_all_the_same():
    small = Machine(4, 300, 100)
    with pytest.raises(DoesNotFit, match=r"does not fit: group-offload.*4\.0 and 300\.0 GB are free") as told:
        plan(PRESETS["hunyuan"], small)
    assert told.value.least == "group-offload"
    assert plan(PRESETS["hunyuan"], small, "group-offload").mode == "group-offload"
    with pytest.raises(UserError, match="does not fit"):
        plan(PRESETS["wan"], Machine(80, 16, 100))
    with pytest.raises(UserError, match=r"need 43\.0 GB more on the disk, but 42\.0 GB are free"):
        plan(PRESETS["hunyuan"], Machine(80, 300, 42))


def test_without_a_gpu_there_is_the_cpu():
    assert plan(PRESETS["wan"], Machine(0, 300, 100)).mode == "cpu"
    assert plan(PRESETS["wan"], PLENTY, "cpu").mode == "cpu", "a GPU need not be used"
    with pytest.raises(UserError, match="does not fit: cpu"):
        plan(PRESETS["wan"], Machine(0, 20, 100))
    with pytest.raises(UserError, match="fp8 needs a GPU"):
        plan(PRESETS["wan"], Machine(0, 300, 100), "fp8")


def test_int8_is_chosen_only_where_its_package_is(monkeypatch):
    short = Machine(80, 35, 100)  # HunyuanVideo needs 44.6 GB of RAM, in 8 bits 31.8
    assert plan(PRESETS["hunyuan"], short).mode == "int8"
    monkeypatch.setattr("comogen_demo.backbones.planner.quantises", lambda: False)
    with pytest.raises(UserError, match="does not fit"):
        plan(PRESETS["hunyuan"], short)
    with pytest.raises(UserError, match="int8 needs torchao: pip install torchao"):
        plan(PRESETS["hunyuan"], PLENTY, "int8")


def test_modes_step_down_to_the_last_one_on_the_gpu():
    order = ["resident"]
    while lower := below(order[-1]):
        order.append(lower)
    assert order == [mode for mode in MODES if mode not in ("cpu", "int8")]
    assert below("cpu") is None and below("int8") is None


def test_a_folder_is_counted_and_not_downloaded(tmp_path):
    backbone = hunyuan(text=True)
    backbone.pipe.save_pretrained(tmp_path)
    found = with_sizes(PRESETS["hunyuan"], str(tmp_path), tmp_path)
    pipe = backbone.pipe
    texts = [pipe.text_encoder, pipe.text_encoder_2]
    for counted, parts in (
        (found.parameters, [pipe.transformer]),
        (found.text_parameters, texts),
        (found.vae_parameters, [pipe.vae]),
    ):
        assert counted * 1e9 == pytest.approx(sum(p.numel() for part in parts for p in part.parameters()))
    assert found.download == 0
    (tmp_path / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"nothing of the kind")
    assert with_sizes(PRESETS["hunyuan"], str(tmp_path), tmp_path) == replace(
        PRESETS["hunyuan"], download=0.0
    )


def test_what_the_cache_has_is_not_downloaded_again(tmp_path, monkeypatch):
    monkeypatch.setattr("comogen_demo.weights.FOLDER", tmp_path)
    preset = PRESETS["wan"]
    assert with_sizes(preset, None, tmp_path) == preset
    blobs = tmp_path / "models--Wan-AI--Wan2.2-TI2V-5B-Diffusers" / "blobs"
    blobs.mkdir(parents=True)
    with (blobs / "a").open("wb") as file:
        file.truncate(30_000_000_000)  # sparse
    assert with_sizes(preset, None, tmp_path).download == pytest.approx(4)


def test_sizes_are_those_of_the_published_configurations():
    t5 = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
    clip = {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    }
    llama = {
        "vocab_size": 128320,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    }
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    with torch.device("meta"):
        encoders = {
            "hunyuan": [
                LlavaForConditionalGeneration(
                    LlavaConfig(
                        vision_config=CLIPVisionConfig(image_size=336, patch_size=14, **clip),
                        text_config=LlamaConfig(**llama),
                    )
                ),
                CLIPTextModel(CLIPTextConfig(**text)),
            ],
            "cogvideox": [T5EncoderModel(T5Config(vocab_size=32128, feed_forward_proj="gated-gelu", **t5))],
            "wan": [UMT5EncoderModel(UMT5Config(vocab_size=256384, **t5))],
        }
        vaes = {
            "hunyuan": AutoencoderKLHunyuanVideo(),
            "cogvideox": AutoencoderKLCogVideoX(
                latent_channels=16, block_out_channels=(128, 256, 256, 512), layers_per_block=3
            ),
            "wan": AutoencoderKLWan(
                base_dim=160,
                decoder_base_dim=256,
                z_dim=48,
                dim_mult=[1, 2, 4, 4],
                num_res_blocks=2,
                is_residual=True,
                in_channels=12,
                out_channels=12,
                patch_size=2,
                temperal_downsample=[False, True, True],
            ),
        }
    for name, models in encoders.items():
        preset = PRESETS[name]
        count = sum(p.numel() for model in models for p in model.parameters())
        assert count / 1e9 == pytest.approx(preset.text_parameters, rel=0.01)
        count = sum(p.numel() for p in vaes[name].parameters())
        assert count / 1e9 == pytest.approx(preset.vae_parameters, rel=0.03)


@pytest.mark.parametrize("backbone", [hunyuan(), cogvideox(), wan()], ids=lambda b: b.name)
def test_the_presets_tokens_are_the_backbones(backbone):
    side = backbone.preset.token_side
    assert backbone.token_grid[1:] == (backbone.height // side, backbone.width // side)
