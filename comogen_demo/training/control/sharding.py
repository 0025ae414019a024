"""A frozen backbone in parts (FSDP): each process keeps its share of every block and fetches the rest for its turn.

What learns is small and stays whole in each process; its gradients are averaged by data parallelism as without parts.
"""

from __future__ import annotations

from collections.abc import Sequence

from accelerate import Accelerator
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from ...errors import UserError


def shard(transformer: nn.Module, blocks: Sequence[nn.Module], accelerator: Accelerator) -> None:
    """Divides the weights of a transformer, nothing of which learns, among the processes, in place; they go to the
    accelerator's device share by share. Raises UserError for a single process, and for quantised weights."""
    if accelerator.num_processes < 2:
        raise UserError(
            "One process has nobody to share the backbone with: leave --shard out, or start several with accelerate "
            "launch."
        )
    if not all(p.is_floating_point() and type(p) is nn.Parameter for p in transformer.parameters()):
        raise UserError("Quantised weights cannot be shared among processes: leave --shard out.")
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for part in (*blocks, transformer):  # the last has what is in no block
        fully_shard(part, mesh=mesh)


def whole_for_each(model: nn.Module) -> None:
    """Tells data parallelism, into which `model` goes next, to leave alone what is in parts."""
    parts = [name for name, p in model.named_parameters() if isinstance(p, DTensor)]
    if parts:
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, parts)
