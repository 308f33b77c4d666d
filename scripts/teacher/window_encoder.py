"""The teacher's encoder alone: from windows to weighted sums of hidden states."""

from typing import Any, Callable, Iterable, Iterator, List, Optional

import numpy
import torch

# From batches of wordpieces, attention mask, token types and weights, padded, to the sums of their windows, in order.
Encode = Callable[[Iterable[List[numpy.ndarray]]], Iterator[numpy.ndarray]]


class WindowEncoder(torch.nn.Module):
    """An encoder that returns the weighted sum of each window's hidden states."""

    def __init__(self, transformer: Any, *, has_types: bool) -> None:
        """Wrap a Hugging Face encoder.

        transformer (PreTrainedModel): The encoder.
        has_types (bool): Whether it is given token types.
        """
        super().__init__()
        self.transformer = transformer
        self.has_types = has_types

    def forward(
        self, input_ids: torch.Tensor, mask: torch.Tensor, type_ids: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Encode padded windows.

        input_ids (Tensor): Wordpieces. Shape: (n_windows, longest), like the others.
        mask (Tensor): 0 for padding.
        type_ids (Tensor): Token types.
        weights (Tensor): Weight of each wordpiece, 0 for padding.
        RETURNS (Tensor): float32. Shape: (n_windows, width).
        """
        types = {"token_type_ids": type_ids} if self.has_types else {}
        states = self.transformer(input_ids=input_ids, attention_mask=mask, **types).last_hidden_state
        return torch.matmul(weights.unsqueeze(1), states.float()).squeeze(1)


def run_torch(encoder: WindowEncoder, *, dtype: Optional[torch.dtype] = None) -> Encode:
    """Run an encoder in PyTorch, where it is.

    encoder (WindowEncoder): The encoder.
    dtype (Optional[dtype]): Precision of autocast; None for the encoder's own.
    RETURNS (Encode): The encoder as a function.
    """
    device = encoder.transformer.device

    def encode(batches: Iterable[List[numpy.ndarray]]) -> Iterator[numpy.ndarray]:
        # Thinc leaves the encoder in training mode whenever the pipeline has run.
        encoder.eval()
        for arrays in batches:
            tensors = [torch.from_numpy(array) for array in arrays]
            if device.type == "cuda":
                # Pinned memory travels while the GPU computes.
                tensors = [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
            *inputs, weights = tensors
            with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
                vectors = encoder(*inputs, weights).float().cpu().numpy()
            yield vectors

    return encode
