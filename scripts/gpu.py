"""Where the steps compute: on the CPU, or on a GPU."""

import torch
from thinc.api import require_gpu

from scripts.files import UserError


def use_gpu(gpu_id: int) -> None:
    """Let spaCy and PyTorch compute on a GPU from here on, as `spacy train --gpu-id` does.

    gpu_id (int): The GPU; with -1 nothing changes.
    RAISES (UserError): There is no such GPU, or spaCy or PyTorch cannot use it.
    """
    if gpu_id < 0:
        return
    try:
        require_gpu(gpu_id)
        # Without CUDA of its own, PyTorch would fail in the middle of the work.
        torch.zeros(1, device="mps" if torch.backends.mps.is_available() else f"cuda:{gpu_id}")
    except (AssertionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"GPU {gpu_id} cannot be used ({error}). It needs PyTorch with CUDA and CuPy for the same CUDA, e.g. "
            "`pip install cupy-cuda13x`. For the CPU, leave --gpu-id (--vars.gpu_id) at -1."
        ) from error
