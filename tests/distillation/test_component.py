from pathlib import Path
from typing import Any, Dict, List, cast

import numpy
import pytest
import spacy
import srsly
from spacy import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry
from spacy.vocab import Vocab
from thinc.api import Config

from scripts.architectures.ngrams import count_documents
from scripts.data import docbins
from scripts.data.docbins import list_shards, read_docs, write_docs
from scripts.distillation import component
from scripts.distillation.component import DistilledTextCategorizer
from tests.conftest import BOW, CNN, ENSEMBLE, LABELS, ROOT, TEXTS, make_examples, make_pipeline, make_teacher_logits


def initialize(nlp: Language, teacher_logits: Any) -> Any:
    spacy.util.fix_random_seed(0)
    examples = make_examples(nlp, teacher_logits=teacher_logits)
    return nlp.initialize(lambda: examples), examples


def predict(nlp: Language) -> numpy.ndarray:
    return numpy.array([[nlp(text).cats[label] for label in LABELS] for text, _ in TEXTS])


def test_overfits_ten_docs_and_survives_the_disk(architecture: Dict[str, Any], tmp_path: Any) -> None:
    nlp = make_pipeline(architecture, hard_weight=0.1)
    optimizer, examples = initialize(nlp, make_teacher_logits())
    optimizer.learn_rate = 0.01
    losses = [nlp.update(examples, sgd=optimizer, drop=0.0)["textcat"] for _ in range(150)]
    assert losses[-1] < losses[0] / 5
    probs = predict(nlp)
    assert [LABELS[i] for i in probs.argmax(axis=1)] == [label for _, label in TEXTS]
    nlp.to_disk(tmp_path)
    assert numpy.array_equal(predict(spacy.load(tmp_path)), probs)
    copy = make_pipeline(architecture, hard_weight=0.1)
    assert numpy.array_equal(predict(copy.from_bytes(nlp.to_bytes())), probs)


@pytest.mark.parametrize("objective", ["kl", "mse"])
def test_gradient_of_the_weights_equals_finite_differences(architecture: Dict[str, Any], objective: str) -> None:
    nlp = make_pipeline(architecture, hard_weight=0.3, objective=objective)
    _, examples = initialize(nlp, make_teacher_logits())
    textcat = get_textcat(nlp)
    docs = [eg.predicted for eg in examples]
    rng = numpy.random.default_rng(0)
    nodes = [node for node in textcat.model.walk() if node.param_names]
    for node in nodes:  # away from zero weights, where half of the gradients vanish
        for name in node.param_names:
            weights: Any = node.get_param(name)
            node.set_param(name, weights + rng.normal(scale=0.1, size=weights.shape).astype("float32"))
    scores, backprop = textcat.model(docs, is_train=True)
    _, d_scores = textcat.get_loss(examples, scores)
    backprop(d_scores)
    for node in nodes:
        for name in node.param_names:
            gradient: Any = node.get_grad(name).copy()
            size = float(numpy.sqrt((gradient**2).sum()))
            assert size > 0, f"{node.name} {name} has no gradient"
            values: Any = node.get_param(name).copy()
            losses = []
            eps = 2e-3 / max(1.0, size)
            for sign in (1, -1):  # along the gradient the loss changes by |gradient| per unit of length
                node.set_param(name, values + sign * eps * gradient / size)
                losses.append(textcat.get_loss(examples, textcat.model.predict(docs))[0])
            node.set_param(name, values)
            assert (losses[0] - losses[1]) / (2 * eps) == pytest.approx(size, rel=0.05, abs=2e-3), (node.name, name)


def test_probabilities_and_empty_documents(architecture: Dict[str, Any]) -> None:
    nlp = make_pipeline(architecture)
    initialize(nlp, make_teacher_logits())
    for text in ("word", "love 😀 unseenword", "  ", TEXTS[0][0]):
        assert sum(nlp(text).cats.values()) == pytest.approx(1, abs=1e-5)
    # Beside other texts an empty one has probabilities; alone it has zeros, as with stock textcat.
    together = list(nlp.pipe(["", "love"]))
    assert sum(together[0].cats.values()) == pytest.approx(1, abs=1e-5)
    assert set(nlp("").cats.values()) == {0.0}
    alone = nlp("love").cats
    assert together[1].cats == pytest.approx(alone, abs=1e-6)


def test_rows_of_a_batch_do_not_depend_on_each_other(architecture: Dict[str, Any]) -> None:
    nlp = make_pipeline(architecture)
    optimizer, examples = initialize(nlp, make_teacher_logits())
    nlp.update(examples, sgd=optimizer, drop=0.0)
    together = [doc.cats["POSITIVE"] for doc in nlp.pipe([text for text, _ in TEXTS])]
    assert together == pytest.approx([nlp(text).cats["POSITIVE"] for text, _ in TEXTS], abs=1e-6)


def test_the_same_seed_gives_the_same_bytes(architecture: Dict[str, Any]) -> None:
    results = []
    for _ in range(2):
        nlp = make_pipeline(architecture)
        optimizer, examples = initialize(nlp, make_teacher_logits())
        for _ in range(5):
            nlp.update(examples, sgd=optimizer, drop=0.2)
        results.append(nlp.to_bytes())
    assert results[0] == results[1]


def test_members_of_the_ensemble_learn_as_if_they_were_alone() -> None:
    hard_weights: List[Any] = [0.5, [0.1, 0.4]]
    loss = {"@losses": "textdistill.SoftTargets.v2", "objective": "kl", "temperature": 2.0}
    member_losses = {"cnn": {**loss, "hard_weight": hard_weights[1]}}
    ensemble = make_pipeline(ENSEMBLE, hard_weight=hard_weights[0], member_losses=member_losses)
    optimizer, examples = initialize(ensemble, make_teacher_logits())
    start = [get_weights(layer) for layer in get_textcat(ensemble).model.layers]
    losses = [ensemble.update(examples, sgd=optimizer, drop=0.0)["textcat"] for _ in range(5)]
    losses_alone = []
    layers = get_textcat(ensemble).model.layers
    for layer, weights, architecture, hard_weight in zip(layers, start, (BOW, CNN), hard_weights):
        alone = make_pipeline(architecture, hard_weight=hard_weight)
        optimizer, examples = initialize(alone, make_teacher_logits())
        model = get_textcat(alone).model
        for node, values in zip(model.walk(), weights):
            for name, value in values.items():
                node.set_param(name, value)
        losses_alone.append([alone.update(examples, sgd=optimizer, drop=0.0)["textcat"] for _ in range(5)])
        for values, expected in zip(get_weights(model), get_weights(layer)):
            for name in expected:
                numpy.testing.assert_allclose(values[name], expected[name], rtol=1e-5, atol=1e-6)
    assert losses == pytest.approx(numpy.mean(losses_alone, axis=0), rel=1e-5)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ENSEMBLE, "for bow, cnn of this model, got one for rnn"),
        (BOW, "for no member of this model, got one for rnn"),
    ],
)
def test_losses_of_unknown_members_are_errors(model: Dict[str, Any], words: str) -> None:
    loss = {"@losses": "textdistill.SoftTargets.v2", "objective": "kl", "temperature": 2.0, "hard_weight": 0.1}
    with pytest.raises(ValueError, match=words):
        make_pipeline(model, member_losses={"rnn": loss})


def get_textcat(nlp: Language) -> DistilledTextCategorizer:
    return cast(DistilledTextCategorizer, nlp.get_pipe("textcat"))


def get_weights(model: Any) -> List[Dict[str, Any]]:
    return [{name: node.get_param(name).copy() for name in node.param_names} for node in model.walk()]


def test_missing_or_foreign_teacher_logits_are_errors() -> None:
    nlp = make_pipeline(BOW)
    optimizer, _ = initialize(nlp, make_teacher_logits())
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    examples[3].reference._.teacher_logits = None
    with pytest.raises(ValueError, match="has the teacher logits None"):
        nlp.update(examples, sgd=optimizer)
    unscored = make_examples(nlp)
    unscored[3].reference.cats = {}
    with pytest.raises(ValueError, match=r"has the teacher logits None.*or train on gold documents alone"):
        nlp.update(unscored, sgd=optimizer)
    with pytest.raises(ValueError, match="need 2"):
        nlp.update(make_examples(nlp, teacher_logits=numpy.zeros((len(TEXTS), 3))), sgd=optimizer)


@pytest.mark.parametrize("hard_weight", [0.0, 1.0])
def test_gold_documents_are_learned_without_a_teacher(hard_weight: float) -> None:
    nlp = make_pipeline(BOW, hard_weight=hard_weight)
    optimizer, examples = initialize(nlp, None)
    first = nlp.update(examples, sgd=optimizer)["textcat"]
    assert first == pytest.approx(numpy.log(2))
    assert nlp.update(examples, sgd=optimizer)["textcat"] < first


def test_documents_without_gold_learn_from_the_teacher_alone() -> None:
    nlp = make_pipeline(BOW, hard_weight=0.5)
    optimizer, examples = initialize(nlp, make_teacher_logits())
    for eg in examples:
        eg.reference.cats = {}
    optimizer.learn_rate = 0.05
    for _ in range(60):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    teacher = make_teacher_logits()
    assert (predict(nlp).argmax(axis=1) == teacher.argmax(axis=1)).all()


def test_schedules_from_the_config_move_with_each_update() -> None:
    temperature = {"@schedules": "decaying.v1", "base_rate": 4.0, "decay": 1.0}
    nlp = make_pipeline(BOW, temperature=temperature)
    optimizer, examples = initialize(nlp, make_teacher_logits())
    loss = get_textcat(nlp).loss
    seen = [loss.temperature]
    for _ in range(2):
        nlp.update(examples, sgd=optimizer)
        seen.append(loss.temperature)
    assert seen == pytest.approx([4.0, 2.0, 4.0 / 3])


def test_table_is_fitted_on_all_texts_but_augmented_ones() -> None:
    nlp = make_pipeline({**BOW, "ngram_size": 1})
    examples = make_examples(nlp, teacher_logits=make_teacher_logits())
    late = Example(Doc(nlp.vocab, words=["[MASK]"]), Doc(nlp.vocab, words=["[MASK]"]))
    late.reference._.source = "augmented"
    late.reference.cats = {"POSITIVE": 1.0, "NEGATIVE": 0.0}
    nlp.initialize(lambda: [*examples, late])
    linear = next(node for node in nlp.get_pipe("textcat").model.walk() if node.name == "ngram_linear")  # type: ignore[attr-defined]
    words = {token.lower_ for eg in examples for token in eg.reference}
    assert len(linear.attrs["keys"]) == len(words)


def fit_streamed(folder: Path, *, n_docs: int) -> Any:
    """Initialise a bow student on a streamed corpus; its attributes. A document is "love" and a word of its own."""
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, words=["love", f"word{i}"]) for i in range(n_docs)]
    for doc in docs:
        doc.cats = {"POSITIVE": 1.0, "NEGATIVE": 0.0}
    for start in range(0, n_docs, 100):
        write_docs(docs[start : start + 100], folder / "shards" / f"{start:05}.spacy")
    write_docs([Doc(vocab, words=["x"])], folder / "dev.spacy")
    config = load_config(ROOT / "configs" / "student_bow.cfg")
    config["components"]["textcat"]["model"].update(ngram_size=1, min_docs=1)
    config["corpora"]["train"]["buffer_size"] = 100
    overrides = {"nlp.lang": "en", "paths.train": str(folder / "shards"), "paths.dev": str(folder / "dev.spacy")}
    srsly.write_json(folder / "labels.json", LABELS)
    overrides["paths.labels"] = str(folder / "labels.json")
    trained = init_nlp(Config(config).from_str(config.to_str(), overrides=overrides))
    textcat = get_textcat(trained)
    return next(node for node in textcat.model.walk() if node.name == "ngram_linear").attrs


def test_table_is_fitted_on_the_whole_of_a_streamed_corpus(tmp_path: Path) -> None:
    # spaCy initialises on the first 100 examples of a streamed corpus; the table must know them all.
    attrs = fit_streamed(tmp_path, n_docs=300)
    vocab = spacy.blank("en").vocab
    docs = [doc for shard in list_shards(tmp_path / "shards") for doc in read_docs(shard, vocab)]
    keys, n_in, n_docs = count_documents(docs, 1, 0)
    assert len(keys) == 301 and n_docs == 300
    assert numpy.array_equal(attrs["keys"], keys)
    assert numpy.array_equal(attrs["idf"], (numpy.log((1 + n_docs) / (1 + n_in)) + 1).astype("float32"))


def test_the_start_of_a_training_does_not_grow_with_the_corpus(tmp_path: Path, monkeypatch: Any) -> None:
    read: List[Path] = []

    def count_reads(path: Path, vocab: Vocab) -> List[Doc]:
        read.append(path)
        return read_docs(path, vocab)

    monkeypatch.setattr(component, "MAX_FIT_DOCS", 150)
    monkeypatch.setattr(component, "MAX_CHOICE_DOCS", 150)
    monkeypatch.setattr(docbins, "read_docs", count_reads)
    attrs = fit_streamed(tmp_path, n_docs=3000)
    assert len(attrs["keys"]) == 151
    # "love" stands in all of them.
    assert attrs["idf"].min() == 1 and attrs["idf"].max() == pytest.approx(numpy.log(151 / 2) + 1)
    # Of 30 shards, choice, fit and each of spaCy's looks at its sample read what fills the buffer, and two more.
    assert len(read) <= 5 * 3


class Pull:
    """A loss of another kind: it pulls all logits towards gold, whatever the teacher says."""

    n_steps = 0

    def step(self) -> None:
        self.n_steps += 1

    def __call__(self, logits: Any, teacher_logits: Any, gold: Any) -> Any:
        return (logits - gold) / len(logits), float(((logits - gold) ** 2).sum(axis=1).mean() / 2)


def test_a_loss_of_another_kind_is_learned_from() -> None:
    registry.losses("test.Pull.v1")(Pull)
    nlp = spacy.blank("en")
    settings = {"member_losses": {}, "threshold": 0.0, "scorer": {"@scorers": "spacy.textcat_scorer.v2"}}
    config = {"model": BOW, "loss": {"@losses": "test.Pull.v1"}, **settings}
    nlp.add_pipe("textcat_distill", name="textcat", config=config)
    optimizer, examples = initialize(nlp, make_teacher_logits())
    losses = [nlp.update(examples, sgd=optimizer)["textcat"] for _ in range(3)]
    assert losses[0] == pytest.approx(0.5) and losses[2] < losses[1] < losses[0]
    assert cast(Any, get_textcat(nlp).loss).n_steps == 3


def test_hook_of_spacy_v4_gives_the_soft_loss() -> None:
    nlp = make_pipeline(BOW, hard_weight=0.0)
    textcat = get_textcat(nlp)
    teacher = make_teacher_logits()
    loss, d_scores = cast(Any, textcat).get_teacher_student_loss(teacher, teacher)
    assert loss == pytest.approx(0, abs=1e-6) and numpy.abs(d_scores).max() < 1e-6
