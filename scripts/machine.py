"""What figures depend on beside the code: the machine and the versions."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Dict

import torch

PACKAGES = ("spacy", "thinc", "numpy", "scikit-learn", "torch", "transformers", "spacy-transformers", "onnxruntime")


def describe_machine(gpu_id: int) -> Dict[str, str]:
    """The machine that figures of speed depend on.

    gpu_id (int): The GPU in use, -1 for none.
    RETURNS (Dict[str, str]): System, processor, its instructions, cores and GPU.
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf8").splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "system": platform.platform(),
        "processor": models[0] if models else platform.processor(),
        "instructions": name_instructions(),
        "cores": str(os.cpu_count()),
        "gpu": torch.cuda.get_device_name(gpu_id) if gpu_id >= 0 else "none",
    }


def name_instructions() -> str:
    """The vector instructions that PyTorch uses, which ATEN_CPU_CAPABILITY may limit.

    RETURNS (str): E.g. AVX2, or AVX512, BF16, VNNI: with those for bfloat16 and int8, if the processor has them.
    """
    widest = torch.backends.cpu.get_cpu_capability()
    if not widest.startswith("AVX512"):
        return widest
    narrow = {"BF16": torch.cpu._is_avx512_bf16_supported(), "VNNI": torch.cpu._is_vnni_supported()}
    return ", ".join([widest, *(name for name, is_there in narrow.items() if is_there)])


def describe_versions() -> Dict[str, str]:
    """Versions of Python and of the packages that figures depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
