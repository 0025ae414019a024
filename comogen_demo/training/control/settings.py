"""What is chosen for a training of the control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...control.schedule import Schedule
from ...errors import UserError

if TYPE_CHECKING:
    from ...control.controlnet import Method

STAGES = ("adapter", "lora")


@dataclass(frozen=True)
class ControlTraining:
    """Epochs, batch and optimiser (AdamW) as in the paper (App. A); everything else is our choice, as it is not stated.

    method: "controlnet" has a ControlNet of the Motion Layers in the adapter's place, which learns in the adapter's
    stage and has no LoRA; batch: clips a step, all processes together; warmup: steps over which the rate rises; ema:
    decay of the weights' moving average, which is what a stage leaves behind; cells, adapter_width: of the MaskAdapter;
    lora_rank: None is the smaller of 128 and a sixth of the token width; shard: the frozen backbone in parts, one a
    process (FSDP); validate_every: steps, 0 is at the end of a stage only.
    """

    method: Method = "adapter"
    adapter_epochs: int = 1
    lora_epochs: int = 2
    batch: int = 2
    learning_rate: float = 1e-4
    warmup: int = 100
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema: float = 0.999
    schedule: Schedule = "cosine"
    cells: int = 4
    adapter_width: int = 96
    lora_rank: int | None = None
    gradient_checkpointing: bool = True
    shard: bool = False
    log_every: int = 10
    checkpoint_every: int = 500
    validate_every: int = 0
    validation_steps: int = 10
    seed: int = 0

    def validate(self, clips: int, processes: int) -> None:
        """Raises UserError for settings that `clips` clips and `processes` processes cannot be trained with."""
        for name in (
            "adapter_epochs",
            "lora_epochs",
            "batch",
            "log_every",
            "checkpoint_every",
            "validation_steps",
        ):
            if getattr(self, name) < 1:
                raise UserError(
                    f"{name.replace('_', ' ').capitalize()} {getattr(self, name)}: give 1 or more."
                )
        if not 0 < self.learning_rate <= 1:
            raise UserError(
                f"Learning rate {self.learning_rate:g} is out of range: give one above 0 and up to 1."
            )
        if self.lora_rank is not None and self.lora_rank < 1:
            raise UserError(f"LoRA rank {self.lora_rank}: give 1 or more.")
        if self.batch % processes:
            raise UserError(
                f"A batch of {self.batch} cannot be shared among {processes} processes: give a multiple."
            )
        if self.batch > clips:
            raise UserError(f"A batch of {self.batch} needs as many clips, but {clips} can be trained on.")

    @property
    def stages(self) -> tuple[str, ...]:
        return STAGES if self.method == "adapter" else STAGES[:1]

    def epochs(self, stage: str) -> int:
        return self.adapter_epochs if stage == "adapter" else self.lora_epochs

    def rank(self, token_width: int) -> int:
        return self.lora_rank or max(1, min(128, token_width // 6))
