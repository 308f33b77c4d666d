"""What a step imports: PyTorch's compiler is seconds of work, which those that run no transformer must not do."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import BOW, ROOT, train

TRANSFORMERS = "spacy_transformers transformers torch._dynamo onnxruntime"
LIST = f"import sys; print([name for name in '{TRANSFORMERS}'.split() if name in sys.modules])"


def run(code: str) -> str:
    """What a new Python prints last."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_registering_all_that_configs_name_and_making_a_pipeline_imports_no_transformers() -> None:
    assert run(f"import scripts.functions, spacy; spacy.blank('en'); {LIST}") == "[]"


def test_loading_a_student_imports_no_transformers(tmp_path: Path) -> None:
    train(BOW).to_disk(tmp_path / "student")
    assert run(f"import scripts.functions, spacy; spacy.load({str(tmp_path / 'student')!r}); {LIST}") == "[]"


def test_a_pipeline_that_names_a_transformer_gets_it() -> None:
    code = "import scripts.functions, spacy; print(type(spacy.blank('en').add_pipe('transformer')).__module__)"
    assert run(code) == "spacy_transformers.pipeline_component"
