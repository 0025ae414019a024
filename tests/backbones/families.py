"""The three families of large backbones, tiny and with random weights: the real code, affordable in tests."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoTransformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from comogen_demo.backbones.base import Denoising, Prompt
from comogen_demo.backbones.cogvideox import CogVideoXBackbone
from comogen_demo.backbones.hunyuan import DEFAULT_PROMPT_TEMPLATE, HunyuanBackbone
from comogen_demo.backbones.large import LargeBackbone
from comogen_demo.backbones.registry import PRESETS
from comogen_demo.backbones.wan import WanBackbone
from comogen_demo.control.lora import add_lora, lora_parameters
from comogen_demo.generate import Settings, generate
from comogen_demo.model import ControlConfig, Model, build_adapter

TEXT_WIDTH, POOLED_WIDTH = 16, 8
HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>")
FRAME = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
SENTENCE = "the red cube slides to left and its relationships with a blue sphere"


def frame_for(backbone: LargeBackbone) -> np.ndarray:
    return FRAME[: backbone.height, : backbone.width]


def denoise(
    backbone: LargeBackbone, prompt: Prompt, steps: int = 3, seed: int = 5
) -> tuple[Denoising, torch.Tensor]:
    """All steps of one video, and the last one's estimate."""
    denoising = backbone.begin(frame_for(backbone), prompt, steps, seed)
    for k in range(steps):
        estimate = denoising.step(k)
    return denoising, estimate


def encoded(
    backbone: LargeBackbone, seed: int = 1, negative: Prompt | None = None, dtype: torch.dtype = torch.float32
) -> Prompt:
    """A prompt as a text encoder might give it; HunyuanVideo's last three places do not count."""
    generator = torch.Generator().manual_seed(seed)
    places = backbone.pipe.transformer.config.get("max_text_seq_length", 11)
    embeds = torch.randn(1, places, TEXT_WIDTH, generator=generator).to(dtype)
    if not isinstance(backbone, HunyuanBackbone):
        return Prompt(embeds, None, None, ("",) * places, negative=negative)
    pooled = torch.randn(1, POOLED_WIDTH, generator=generator).to(dtype)
    mask = (torch.arange(places) < places - 3)[None].to(dtype)
    return Prompt(embeds, pooled, mask, ("",) * places, negative=negative)


def controlled(backbone: LargeBackbone, layers: tuple[int, ...] = (1, 2), rank: int = 2) -> Model:
    """The backbone with a random adapter and LoRA of this rank, and one prompt with its negative for whatever text."""
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    backbone.encode_prompt = lambda text, frame: prompt
    control = ControlConfig(layers, (), adapter_width=8, lora_rank=rank)
    adapter = randomise(build_adapter(backbone, control), 4)
    if rank:
        add_lora(backbone.denoiser, backbone.blocks, layers, rank)
        generator = torch.Generator().manual_seed(5)
        for parameter in lora_parameters(backbone.denoiser).values():
            parameter.data.normal_(0, 0.3, generator=generator)
    return Model(backbone.name, backbone, backbone.denoiser, adapter, control)


def make_latents(model: Model, steps: int = 5, strength: float = 1.0) -> torch.Tensor:
    """The latents of a video with a mask. They are not decoded, which would take longer than all else."""
    backbone, made = model.backbone, []
    frames = np.zeros((9, backbone.height, backbone.width, 3), np.uint8)
    backbone.decode = lambda latents: made.append(latents) or frames
    masks = frames[..., 0] > 0
    masks[:, 8:20, 4:16] = True
    settings = Settings(steps=steps, strength=strength, seed=5)
    list(generate(model, frame_for(backbone), masks, "the cube", settings, previews=False))
    return made[0]


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every weight random, the zero-initialised ones too, so that every part has an effect."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        wide = parameter.ndim > 1
        parameter.data.normal_(0 if wide else 0.1, 0.3 if wide else 0.1, generator=generator)
    return module.eval().requires_grad_(False)


def tokenizer(*extra: str, bos: str = "", eos: str = "") -> PreTrainedTokenizerFast:
    """A token a word, sign or run of new lines; "relationships" is two."""
    special = ["<pad>", "<unk>", *(x for x in (bos, eos) if x), *extra]
    pattern = r"\n+|relation|\w+|[^\w\s]+"
    text = re.sub("|".join(map(re.escape, HEADERS)), " ", DEFAULT_PROMPT_TEMPLATE["template"])
    known = sorted(set(re.findall(pattern, f"{text} {SENTENCE}")))
    vocabulary = {word: i for i, word in enumerate([*special, *known])}
    fast = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    fast.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    fast.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}".strip(), special_tokens=[(x, vocabulary[x]) for x in (bos, eos) if x]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token="<pad>", unk_token="<unk>", additional_special_tokens=list(extra)
    )


def hunyuan(
    condition: str = "token_replace",
    true_cfg: float = 1.0,
    guided: bool = True,
    text: bool = False,
    dtype: torch.dtype = torch.float32,
) -> HunyuanBackbone:
    """Two dual and two single blocks of width 32, 32 x 32 pixels, nine frames; text: with LLaVA and CLIP."""
    channels = 4
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=channels if condition == "token_replace" else 2 * channels + 1,
        out_channels=channels,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=2,
        num_single_layers=2,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        guidance_embeds=guided,
        text_embed_dim=TEXT_WIDTH,
        pooled_projection_dim=POOLED_WIDTH,
        rope_axes_dim=(4, 6, 6),
        image_condition_type=condition,
    )
    vae = AutoencoderKLHunyuanVideo(
        latent_channels=channels,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
    )
    parts = hunyuan_text() if text else dict.fromkeys(HUNYUAN_TEXT)
    pipe = HunyuanVideoImageToVideoPipeline(
        transformer=randomise(transformer).to(dtype),
        vae=randomise(vae, 1).to(dtype),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        **parts,
    )
    preset = replace(PRESETS["hunyuan"], width=32, height=32, frames=9, true_cfg=true_cfg)
    return HunyuanBackbone(pipe, preset)


HUNYUAN_TEXT = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "image_processor")


def hunyuan_text() -> dict[str, object]:
    """A LLaVA whose penultimate hidden state is its word embeddings, and a CLIP."""
    llama, clip = tokenizer(*HEADERS, bos="<s>"), tokenizer(bos="<s>", eos="</s>")
    llava = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                hidden_size=8,
                intermediate_size=8,
                num_hidden_layers=2,
                num_attention_heads=1,
                image_size=48,
                patch_size=2,
            ),
            text_config=LlamaConfig(
                vocab_size=len(llama),
                hidden_size=TEXT_WIDTH,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=1,
                num_key_value_heads=1,
            ),
            image_token_index=llama.convert_tokens_to_ids("<image>"),
            pad_token_id=llama.pad_token_id,
        )
    )
    pooled = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(clip),
            hidden_size=POOLED_WIDTH,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            eos_token_id=clip.convert_tokens_to_ids("</s>"),
        )
    )
    size = {"height": 48, "width": 48}
    picture = CLIPImageProcessor(size={"shortest_edge": 48}, crop_size=size)
    return dict(
        zip(HUNYUAN_TEXT, (randomise(llava, 2), llama, randomise(pooled, 3), clip, picture), strict=True)
    )


def cogvideox(
    guidance: float = 6.0,
    scheduler: str = "ddim",
    text: bool = False,
    dtype: torch.dtype = torch.float32,
) -> CogVideoXBackbone:
    """Three blocks of width 32, 32 x 32 pixels, nine frames; text: with T5."""
    channels = 4
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=2 * channels,
        out_channels=channels,
        time_embed_dim=8,
        text_embed_dim=TEXT_WIDTH,
        num_layers=3,
        sample_width=4,
        sample_height=4,
        sample_frames=9,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=True,
        max_text_seq_length=226 if text else 11,
    )
    vae = AutoencoderKLCogVideoX(
        latent_channels=channels,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=64,  # a tile is half of it: whole frames here
        sample_width=64,
    )
    options = {
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True,
        "snr_shift_scale": 1.0,
        "timestep_spacing": "trailing",
    }
    kinds = {"ddim": CogVideoXDDIMScheduler, "dpm": CogVideoXDPMScheduler}
    pipe = CogVideoXImageToVideoPipeline(
        tokenizer=tokenizer(eos="</s>") if text else None,
        text_encoder=t5() if text else None,
        vae=randomise(vae, 1).to(dtype),
        transformer=randomise(transformer).to(dtype),
        scheduler=kinds[scheduler](**options),
    )
    preset = replace(PRESETS["cogvideox"], width=32, height=32, frames=9, guidance=guidance)
    return CogVideoXBackbone(pipe, preset)


def t5() -> nn.Module:
    config = T5Config(
        vocab_size=len(tokenizer(eos="</s>")),
        d_model=TEXT_WIDTH,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    return randomise(T5EncoderModel(config), 2)


def wan(guidance: float = 5.0, text: bool = False, dtype: torch.dtype = torch.float32) -> WanBackbone:
    """Three blocks of width 32, 64 x 64 pixels, nine frames; text: with UMT5."""
    channels = 4
    transformer = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=channels,
        out_channels=channels,
        text_dim=TEXT_WIDTH,
        freq_dim=16,
        ffn_dim=32,
        num_layers=3,
    )
    vae = AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=4,
        z_dim=channels,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[0.7, 1.1, 1.3, 0.9],
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
    )
    umt5 = UMT5Config(
        vocab_size=len(tokenizer(eos="</s>")), d_model=TEXT_WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2
    )
    pipe = WanImageToVideoPipeline(
        tokenizer=tokenizer(eos="</s>") if text else None,
        text_encoder=randomise(UMT5EncoderModel(umt5), 2) if text else None,
        vae=randomise(vae, 1),
        transformer=randomise(transformer).to(dtype),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
        ),
        expand_timesteps=True,
    )
    return WanBackbone(pipe, replace(PRESETS["wan"], width=64, height=64, frames=9, guidance=guidance))


FAMILIES = {
    "hunyuan": lambda: hunyuan(true_cfg=3.0),
    "hunyuan-33ch": lambda: hunyuan("latent_concat", true_cfg=3.0),
    "cogvideox": cogvideox,
    "wan": wan,
}
