import random
from collections import Counter
from pathlib import Path
from typing import Any, List

import pytest
import srsly
import transformers

from scripts.augmentation.operations import (
    FillMask,
    MaskWord,
    ReplaceWord,
    SampleNgram,
    SampleSentences,
    Token,
    choose,
)
from scripts.augmentation.word_classes import WordClasses, count_classes
from scripts.data.texts import MASK
from scripts.files import UserError, hash_path
from tests.conftest import make_augmenter

CLASSES = count_classes(
    [("cat", "N"), ("dog", "N"), ("dog", "N"), ("dog", "N"), ("Sun", "N"), ("runs", "V"), (",", "")]
)


def make_tokens(text: str, word_class: str = "N") -> List[Token]:
    return [Token(word, word_class, True, i == 0) for i, word in enumerate(text.split())]


def test_one_draw_decides_between_masking_and_replacing() -> None:
    # u < .1 masks, .1 <= u < .2 replaces, any other keeps: never both on one word (Tang et al., section 3.3).
    operations: List[Any] = [MaskWord(0.1), ReplaceWord(0.1)]
    for draw, expected in [(0.0, 0), (0.0999, 0), (0.1, 1), (0.1999, 1), (0.2, None), (0.9, None)]:
        assert choose(operations, draw) is (None if expected is None else operations[expected])


def test_shares_of_masked_and_replaced_words() -> None:
    augmenter = make_augmenter(words={"mask": MaskWord(0.1), "replace": ReplaceWord(0.2)})
    words = Counter(token.word for token in augmenter(make_tokens("cat " * 20000), CLASSES, random.Random(0)))
    assert words[MASK] / 20000 == pytest.approx(0.1, abs=0.01)
    assert (words["dog"] + words["sun"]) / 20000 == pytest.approx(0.2, abs=0.01)


def test_replacement_is_another_word_of_the_same_class_by_frequency() -> None:
    rng = random.Random(0)
    drawn = Counter(CLASSES.draw("N", "cat", rng) for _ in range(4000))
    assert set(drawn) == {"dog", "sun"}
    assert drawn["dog"] / drawn["sun"] == pytest.approx(3, rel=0.15)
    assert CLASSES.draw("N", "Cat", rng) in {"Dog", "Sun"}
    assert CLASSES.draw("V", "runs", rng) == "runs"  # the only one of its class
    assert CLASSES.draw("", ",", rng) == "," and CLASSES.draw("X", "x", rng) == "x"
    assert WordClasses({"N": Counter(a=1)}).draw("N", "b", rng) == "a"


def test_ngram_is_kept_and_not_masked_with_n_from_one_to_five() -> None:
    tokens = [Token(str(i), "N", True, i == 0) for i in range(30)]
    rng = random.Random(0)
    lengths: Counter = Counter()
    starts: Counter = Counter()
    for _ in range(5000):
        kept = [int(token.word) for token in SampleNgram(1.0, 1, 5)(tokens, rng)]
        assert kept == list(range(kept[0], kept[0] + len(kept)))
        lengths[len(kept)] += 1
        starts[kept[0]] += 1
    assert set(lengths) == {1, 2, 3, 4, 5} and min(lengths.values()) > 850
    assert set(starts) == set(range(30))
    assert SampleNgram(1.0, 5, 5)(tokens[:2], rng) == tokens[:2]


def test_sampled_sentences_are_whole_and_in_a_row() -> None:
    tokens = [Token(f"{s}.{w}", "N", True, w == 0) for s in range(6) for w in range(4)]
    rng = random.Random(0)
    seen: Counter = Counter()
    for _ in range(2000):
        kept = [token.word for token in SampleSentences(1.0, 3)(tokens, rng)]
        sentences = sorted({int(word.split(".")[0]) for word in kept})
        assert kept == [f"{s}.{w}" for s in sentences for w in range(4)]
        assert sentences == list(range(sentences[0], sentences[-1] + 1))
        seen[len(sentences)] += 1
    assert set(seen) == {1, 2, 3} and min(seen.values()) > 550


def test_text_operations_come_after_word_operations_and_exclude_each_other() -> None:
    texts = {"ngram": SampleNgram(0.25, 1, 1), "sentences": SampleSentences(0.25, 1)}
    augmenter = make_augmenter(words={"mask": MaskWord(1.0)}, texts=texts)
    tokens = [Token("w", "N", True, i % 4 == 0) for i in range(8)]
    rng = random.Random(0)
    results = [augmenter(tokens, CLASSES, rng) for _ in range(4000)]
    assert all(token.word == MASK for result in results for token in result)
    lengths = Counter(map(len, results))
    assert set(lengths) == {1, 4, 8}
    assert [lengths[n] / 4000 for n in (1, 4, 8)] == pytest.approx([0.25, 0.25, 0.5], abs=0.03)


WORDS = ["the", "film", "was", "book", "##ing", "great", "dull", "is", "!"]


def make_encoder(folder: Path, model: str) -> Path:
    """A BERT of a few weights, as `fetch-encoder` leaves one."""
    (folder / "vocab.txt").parent.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", MASK, *WORDS]), encoding="utf8")
    transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=5 + len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    getattr(transformers, model)(config).save_pretrained(folder)
    return folder


def test_a_masked_language_model_replaces_words_in_context(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder", "BertForMaskedLM")
    record = tmp_path / "encoder.json"
    srsly.write_json(record, {"path": str(encoder), "sha256": hash_path(encoder), "n_layers": None})
    fill = FillMask(0.5, record, top_k=14)
    tokens = make_tokens("The film was great !")
    drawn = Counter(word for seed in range(60) for word in fill(tokens, [1, 3], CLASSES, random.Random(seed)))
    # Whole words only, never a mask, an ending, punctuation, or the word itself.
    assert set(drawn) <= {"the", "was", "book", "film", "great", "dull", "is"} and len(drawn) > 3
    assert {fill(tokens, [1], CLASSES, random.Random(seed))[0] for seed in range(60)} & {"film"} == set()
    assert fill(tokens, [0], CLASSES, random.Random(0))[0][0].isupper()
    assert fill(tokens, [1, 3], CLASSES, random.Random(5)) == fill(tokens, [1, 3], CLASSES, random.Random(5))
    # A word behind the end of what the model reads stays.
    long = make_tokens("film " * 600)
    assert fill(long, [599], CLASSES, random.Random(0)) == ["film"]


def test_an_encoder_without_a_language_model_head_is_an_error(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder", "BertModel")
    with pytest.raises(UserError, match="no masked-language-model head"):
        FillMask(0.1, encoder, top_k=5)
    with pytest.raises(UserError, match="needs an encoder"):
        FillMask(0.1, None, top_k=5)
    (encoder / "config.json").write_text('{"model_type": "none"}', encoding="utf8")
    with pytest.raises(UserError, match="cannot be loaded"):
        FillMask(0.1, encoder, top_k=5)


def test_bad_settings_are_errors() -> None:
    with pytest.raises(ValueError, match=r"sum to at most 1, got 1.200"):
        make_augmenter(words={"a": MaskWord(0.6), "b": ReplaceWord(0.6)})
    with pytest.raises(ValueError, match="1 <= min_n <= max_n, got 3 and 2"):
        SampleNgram(0.1, 3, 2)
    with pytest.raises(ValueError, match="max_sentences >= 1, got 0"):
        SampleSentences(0.1, 0)
