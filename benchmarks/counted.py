"""Memory and operations counted while torch works, on any device: on the meta device, where tensors have no memory, at
the full size of a model that no machine at hand could hold."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

OPS = torch.ops.aten
MADE_OF_OTHERS = (OPS.linear, OPS.matmul, OPS.conv2d, OPS.conv3d)  # which inference mode leaves whole


class Counted(TorchDispatchMode):
    """Counts, within it, the bytes of all tensors that are alive, and floating-point operations.

    peak: the most bytes at once, those of the modules' weights included; flops: of products, convolutions and
    attention, a multiplication and an addition being two. What a single kernel takes and gives back is not seen.
    """

    def __init__(self, *modules: nn.Module):
        super().__init__()
        self.held = self.peak = self.flops = 0
        self._seen: set[int] = set()
        for module in modules:
            for tensor in (*module.parameters(), *module.buffers()):
                self._add(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket in MADE_OF_OTHERS:
            with self:
                return func.decompose(*args, **(kwargs or {}))
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._add(tensor)
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=made)
        return made

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        size = storage.nbytes()
        self._seen.add(key)
        self._grow(size)
        weakref.finalize(storage, self._forget, key, size).atexit = False

    def visit(self, module: nn.Module) -> None:
        """Counts a module's weights for as long as it is called, as it comes to the device for that only."""
        size = sum(p.nbytes for p in module.parameters())
        module.register_forward_pre_hook(lambda *_: self._grow(size))
        module.register_forward_hook(lambda *_: self._grow(-size))

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.held -= size

    def _grow(self, size: int) -> None:
        self.held += size
        self.peak = max(self.peak, self.held)


class FusedAttention(TorchFunctionMode):
    """Attention as one kernel that keeps no scores, which is what a GPU runs and the meta device would not.

    counted: gets the operations, those of the two products of queries and keys, scores and values.
    """

    def __init__(self, counted: Counted):
        super().__init__()
        self.counted = counted

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = (*args, *(kwargs or {}).values())[:3]
        batch, heads, places, width = query.shape
        self.counted.flops += 2 * batch * heads * places * key.shape[2] * (width + value.shape[3])
        return torch.empty_like(query)
