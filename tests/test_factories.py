"""What steps import: PyTorch's compiler is seconds of work, which those that run no transformer must not do."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import BOW, ROOT, train

HEAVY = "spacy_transformers transformers torch._dynamo onnxruntime sklearn"


def test_registering_what_configs_name_and_loading_a_student_is_light(tmp_path: Path) -> None:
    # That a pipeline which names a transformer gets one is seen wherever a test makes a teacher.
    train(BOW).to_disk(tmp_path / "student")
    code = f"""if True:
        import sys
        import spacy
        import scripts.functions
        spacy.load({str(tmp_path / "student")!r})
        print("heavy:", [name for name in {HEAVY.split()} if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: []\n"), done.stdout
