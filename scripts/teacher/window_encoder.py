"""The teacher's encoder alone: from windows to weighted sums of hidden states."""

from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple

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
        return torch.matmul(weights.unsqueeze(1), self.read_states(input_ids, mask, type_ids)).squeeze(1)

    def read_states(
        self, input_ids: torch.Tensor, mask: torch.Tensor, type_ids: Optional[torch.Tensor]
    ) -> torch.Tensor:
        """Encode padded windows, wordpiece by wordpiece.

        input_ids (Tensor): Wordpieces. Shape: (n_windows, longest), like the others.
        mask (Tensor): 0 for padding.
        type_ids (Optional[Tensor]): Token types; an encoder without them does not look at it.
        RETURNS (Tensor): Hidden states of the last layer, float32. Shape: (n_windows, longest, width).
        """
        types = {"token_type_ids": type_ids} if self.has_types else {}
        return self.transformer(input_ids=input_ids, attention_mask=mask, **types).last_hidden_state.float()


def make_window_encoder(model: Any) -> WindowEncoder:
    """The encoder of a transformer, without the pipeline around it.

    model (TransformerModel): The transformer.
    RETURNS (WindowEncoder): Its encoder.
    """
    return WindowEncoder(model.transformer, has_types="token_type_ids" in model.tokenizer.model_input_names)


def run_torch(encoder: WindowEncoder, *, dtype: Optional[torch.dtype] = None) -> Encode:
    """Run an encoder in PyTorch, where it is. A GPU computes a batch while the CPU makes the next one.

    encoder (WindowEncoder): The encoder.
    dtype (Optional[dtype]): Precision of autocast; None for the encoder's own.
    RETURNS (Encode): The encoder as a function.
    """
    device = encoder.transformer.device

    def encode(batches: Iterable[List[numpy.ndarray]]) -> Iterator[numpy.ndarray]:
        # Thinc leaves the encoder in training mode whenever the pipeline has run.
        encoder.eval()
        started: Optional[Tuple[torch.Tensor, Optional[torch.cuda.Event]]] = None
        for arrays in batches:
            tensors = [move_to(torch.from_numpy(array), device) for array in arrays]
            with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
                sums = start_fetching(encoder(*tensors).float())
            if started:
                yield finish_fetching(*started)
            started = sums
        if started:
            yield finish_fetching(*started)

    return encode


def move_to(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Move a tensor to a device; to a GPU through pinned memory, which travels while the GPU computes."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def start_fetching(tensor: torch.Tensor) -> Tuple[torch.Tensor, Optional[torch.cuda.Event]]:
    """Start to copy a tensor to the CPU.

    tensor (Tensor): The tensor; a GPU may still be computing it.
    RETURNS (Tuple[Tensor, Optional[Event]]): The copy, in pinned memory, and what tells when it is whole; None for one
        that is whole already.
    """
    if tensor.device.type != "cuda":
        return tensor.cpu(), None
    copy = tensor.to("cpu", non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return copy, event


def finish_fetching(copy: torch.Tensor, event: Optional[torch.cuda.Event]) -> numpy.ndarray:
    """Wait for a copy that `start_fetching` has started."""
    if event is not None:
        event.synchronize()
    return copy.numpy()
