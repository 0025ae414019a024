"""Muon that stays fast where bfloat16 is slow: torch's iterates in bfloat16, which CPUs without it only emulate.

Measured on two AVX2 cores with the embedded model: torch's optimizer step takes 10.0 s, this one 0.3 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..backbones.mini.backbone import fast_dtype


class Muon(torch.optim.Muon):
    """torch's with Nesterov momentum and `match_rms_adamw`; the matrices are orthogonalised in `fast_dtype`.

    Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024); the scale: Moonshot,
    "Muon is Scalable for LLM Training" (2025). States are interchangeable with torch's.
    """

    def __init__(self, parameters: Any, lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(
            parameters,
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            nesterov=True,
            adjust_lr_fn="match_rms_adamw",
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter.grad)
                buffer = state["momentum_buffer"].lerp_(parameter.grad, 1 - momentum)
                update = orthogonalised(
                    parameter.grad.lerp(buffer, momentum),
                    group["ns_coefficients"],
                    group["ns_steps"],
                    group["eps"],
                )
                scale = 0.2 * max(parameter.shape) ** 0.5
                parameter.mul_(1 - lr * group["weight_decay"]).add_(update, alpha=-lr * scale)
        return loss


def orthogonalised(
    matrix: Tensor, coefficients: tuple[float, float, float], steps: int, epsilon: float
) -> Tensor:
    """The matrix with all singular values moved near 1, by Newton-Schulz iterations of the fifth degree."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.to(fast_dtype(matrix.device.type), copy=True)
    x = x.T if tall else x
    x.div_(x.norm().clamp(min=epsilon))
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
