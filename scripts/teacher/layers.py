"""Which layers of an encoder stay, and which are trained. The others are computed once for each text."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import torch

from scripts.files import UserError

# Bytes of hidden states that are kept: 200 wordpieces of width 384 take .15 MB, so this is some 3,300 texts.
MAX_BYTES = 500_000_000


def find_layers(transformer: Any) -> torch.nn.ModuleList:
    """Find the stack of layers of an encoder.

    transformer (Any): A Hugging Face encoder.
    RETURNS (ModuleList): Its layers.
    RAISES (UserError): It has no such stack, several (XLM has one for each part of a layer), or nothing under it that
        makes its embeddings.
    """
    n_layers = transformer.config.num_hidden_layers
    lists = [module for module in transformer.modules() if isinstance(module, torch.nn.ModuleList)]
    stacks = [module for module in lists if len(module) == n_layers]
    if len(stacks) == 1 and hasattr(transformer, "embeddings"):
        return stacks[0]
    raise UserError(
        f"No stack of {n_layers} layers was found in {type(transformer).__name__}. Set n_layers = 0 and "
        "trained_layers = 0 in teacher.cfg."
    )


def keep_layers(transformer: Any, n_kept: int) -> None:
    """Drop the last layers of an encoder.

    transformer (Any): A Hugging Face encoder.
    n_kept (int): Layers that stay.
    RAISES (UserError): It has fewer.
    """
    layers = find_layers(transformer)
    if not 0 < n_kept <= len(layers):
        raise UserError(
            f"n_layers of textdistill.LoadEncoder.v2 is {n_kept}, and the encoder has {len(layers)} layers. Give 1 to "
            f"{len(layers)}, or 0."
        )
    del layers[n_kept:]
    transformer.config.num_hidden_layers = n_kept


def train_layers(transformer: Any, n_trained: int) -> None:
    """Let an encoder's last layers learn, and compute what is below them once for each text.

    transformer (Any): A Hugging Face encoder.
    n_trained (int): Layers that are trained, from the last on; where there are fewer, all of them. The embeddings are
        not.
    """
    layers = find_layers(transformer)
    n_frozen = max(0, len(layers) - n_trained)
    transformer.requires_grad_(False)
    layers[n_frozen:].requires_grad_(True)
    if n_frozen:
        _FrozenLayers(transformer, list(layers[:n_frozen]))


class _FrozenLayers:
    """Takes the place of the `forward` of an encoder and of its frozen layers; what is saved of them stays the same.

    The states of a text are kept without those of its padding, of which they do not depend but for rounding.
    """

    def __init__(self, transformer: Any, layers: List[Any]) -> None:
        """transformer (Any): The encoder. layers (List[Any]): Those that are frozen, from the first on."""
        self._states: Dict[bytes, torch.Tensor] = {}
        self._n_bytes = 0
        self._lengths: List[int] = []
        self._keys: List[bytes] = []
        self._known: Optional[torch.Tensor] = None
        # What a layer returns beside its states is not asked for here: None in some encoders, nothing in others.
        self._beside: Tuple[None, ...] = ()
        self._frozen = [transformer.embeddings, *layers]
        self._encode = transformer.forward
        transformer.forward = self._read
        for number, layer in enumerate(layers):
            layer.forward = self._skip(layer.forward, is_last=number == len(layers) - 1)

    def _read(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **arguments: Any) -> Any:
        """The encoder's `forward`."""
        self._lengths = attention_mask.sum(dim=1).long().tolist()
        self._keys = [row[:n].cpu().numpy().tobytes() for row, n in zip(input_ids, self._lengths)]
        self._known = self._stack(input_ids) if all(key in self._states for key in self._keys) else None
        for module in self._frozen:
            # Thinc puts the whole encoder into training mode; dropout would make the states of a text random.
            module.eval()
        return self._encode(input_ids=input_ids, attention_mask=attention_mask, **arguments)

    def _skip(self, forward: Callable[..., Any], *, is_last: bool) -> Callable[..., Any]:
        """Make the `forward` of a frozen layer: it does nothing where the states after the last one are known."""

        def skip(hidden: torch.Tensor, *arguments: Any, **options: Any) -> Tuple[Any, ...]:
            if self._known is not None:
                return (self._known.float(), *self._beside)
            with torch.no_grad():
                output = forward(hidden, *arguments, **options)
            if not is_last:
                return output
            # Rounded the first time, too: a text has the same states whether or not there was room for them.
            states = output[0].half()
            self._keep(states)
            self._beside = (None,) * (len(output) - 1)
            return (states.float(), *self._beside)

        return skip

    def _keep(self, states: torch.Tensor) -> None:
        """Keep the states of each text of a batch, as long as there is room."""
        for key, row, length in zip(self._keys, states, self._lengths):
            size = length * row.shape[1] * row.element_size()
            if key not in self._states and self._n_bytes + size <= MAX_BYTES:
                self._states[key] = row[:length].clone()
                self._n_bytes += size

    def _stack(self, input_ids: torch.Tensor) -> torch.Tensor:
        """The known states of a batch, padded with zeros, which no text attends to."""
        first = self._states[self._keys[0]]
        states = first.new_zeros((*input_ids.shape, first.shape[1]))
        for row, key, length in zip(states, self._keys, self._lengths):
            row[:length] = self._states[key]
        return states
