"""The `lexicon` step: what the fine-tuned teacher knows about single words, as vectors for the student.

The student reads few words often enough to learn them. The teacher knows them all: its hidden state for a word,
reduced to a few dimensions, is handed to the student as the word's fixed vector through `[initialize] vectors`.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, List

import numpy
import torch
import typer
from sklearn.decomposition import PCA
from spacy import Language
from spacy.util import minibatch
from spacy.vectors import Vectors  # type: ignore[import-not-found]
from tqdm import tqdm
from wasabi import msg

from scripts.data.docbins import read_docs
from scripts.data.task import Task
from scripts.data.texts import GOLD, UNLABELLED, read_unlabelled
from scripts.data.words import is_word
from scripts.files import UserError, replaced, run_command
from scripts.gpu import use_gpu
from scripts.segmenters import DEFAULT
from scripts.teacher.loading import load_teacher, read_config
from scripts.teacher.window_encoder import make_window_encoder
from scripts.tokenizing import make_blank

BATCH_WORDS = 256


def write_lexicon(
    unlabelled: Path = typer.Argument(..., help="The unlabelled texts, as `convert` wrote them"),
    output: Path = typer.Argument(..., help="Folder of the lexicon, for `[initialize] vectors`"),
    config: Path = typer.Option(..., help="Path of score.cfg, which says what the teacher is"),
    teacher: Path = typer.Option(..., help="What `paths.teacher` in it stands for"),
    gold: Path = typer.Option(..., help="Folder of the gold DocBins and the task, as `convert` wrote it"),
    lang: str = typer.Option(..., help="Language code of the student's tokenizer"),
    segmenter: str = typer.Option(DEFAULT, help="How it cuts texts into words: one of the language's segmenters"),
    dimensions: int = typer.Option(64, help="Width of the vectors"),
    whitening: float = typer.Option(0.5, help="1 makes all dimensions equally large, 0 leaves them as they are"),
    min_count: int = typer.Option(3, help="How often a word must occur"),
    max_words: int = typer.Option(30_000, help="Most words, the frequent ones first"),
    sources: str = typer.Option(f"{GOLD},{UNLABELLED}", help="Sources of the texts that words are counted in"),
    vocabulary: int = typer.Option(0, help="Words of the encoder's own vocabulary to add, the first ones first"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Write the teacher's word vectors."""
    use_gpu(gpu_id)
    model = load_teacher(read_config(config, teacher=teacher), Task.read(gold), []).transformer
    if model is None:
        raise UserError(f"The teacher {teacher} has no transformer, so there is nothing to read word vectors out of.")
    nlp = make_blank(lang, segmenter)
    counted = read_sources(gold, unlabelled, sources.split(","), nlp)
    docs = tqdm(map(nlp.make_doc, counted), total=len(counted), desc="Counting words", unit="text", disable=None)
    words = choose_words((token.text for doc in docs for token in doc), min_count=min_count, max_words=max_words)
    for word in list_vocabulary(model.tokenizer, vocabulary):
        words.setdefault(word.lower(), word)
    if len(words) < 2:
        raise UserError(
            f"{unlabelled} has {len(words)} words that occur {min_count} times. Give --min-count a lower value."
        )
    vectors = reduce_vectors(encode_words(list(words.values()), model), dimensions, whitening=whitening)
    save_vectors(list(words), vectors, nlp, output)
    msg.good(f"Lexicon of {len(words)} words, {dimensions} dimensions: {output}")


def read_sources(gold: Path, unlabelled: Path, sources: List[str], nlp: Language) -> List[str]:
    """Read the texts that words are counted in.

    gold (Path): Folder of the gold DocBins.
    unlabelled (Path): The unlabelled texts.
    sources (List[str]): GOLD, UNLABELLED or both.
    nlp (Language): Its vocabulary is shared.
    RETURNS (List[str]): The texts, gold ones first.
    """
    docs = read_docs(gold / "train.spacy", nlp.vocab) if GOLD in sources else []
    others = read_unlabelled(unlabelled) if UNLABELLED in sources else ()
    return [*(doc.text for doc in docs), *others]


def choose_words(tokens: Iterable[str], *, min_count: int, max_words: int) -> Dict[str, str]:
    """Choose the words of the lexicon.

    tokens (Iterable[str]): All tokens of the texts.
    min_count (int): How often a word must occur, in any case.
    max_words (int): Most words.
    RETURNS (Dict[str, str]): The words in lower case, the most frequent first, and how each is mostly written.
    """
    written: Dict[str, Counter] = {}
    for token, n in Counter(tokens).items():
        if not token.isspace():
            written.setdefault(token.lower(), Counter())[token] += n
    counts = {word: sum(forms.values()) for word, forms in written.items()}
    frequent = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    return {word: min(written[word], key=lambda form: (-written[word][form], form)) for word in frequent[:max_words]}


def list_vocabulary(tokenizer: Any, n_words: int) -> List[str]:
    """Whole words of an encoder's vocabulary: words that the student may meet and no text of the user's has.

    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    n_words (int): Most words.
    RETURNS (List[str]): Words in the order of the vocabulary, which puts frequent ones first as a rule.
    """
    found: List[str] = []
    for token, token_id in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        if len(found) == n_words:
            break
        word = tokenizer.decode([token_id]).strip()
        if is_word(word) and tokenizer.tokenize(word) == [token]:
            found.append(word)
    return found


def encode_words(words: List[str], model: Any) -> numpy.ndarray:
    """Encode each word alone: the mean over the hidden states of its wordpieces.

    words (List[str]): The words as they are written.
    model (TransformerModel): The teacher's transformer.
    RETURNS (ndarray): Shape: (n_words, width).
    """
    encoder = make_window_encoder(model).eval()
    device, config = model.transformer.device, model.transformer.config
    vectors = numpy.zeros((len(words), config.hidden_size), dtype="float32")
    # Words of like length share a batch.
    order = sorted(range(len(words)), key=lambda i: (len(words[i]), words[i]))
    with tqdm(total=len(words), desc="Reading words", unit="word", disable=None) as bar:
        for batch in minibatch(order, BATCH_WORDS):
            encoded = model.tokenizer(
                [[words[i]] for i in batch],
                is_split_into_words=True,
                padding=True,
                truncation=True,
                # RoBERTa and its kin lose two positions to padding.
                max_length=config.max_position_embeddings - 2,
                return_tensors="pt",
            ).to(device)
            with torch.inference_mode():
                inputs = (encoded.get(name) for name in ("input_ids", "attention_mask", "token_type_ids"))
                states = encoder.read_states(*inputs).cpu().numpy()
            for row, i in enumerate(batch):
                wordpieces = [j for j, word in enumerate(encoded.word_ids(row)) if word is not None]
                # A word that has no wordpiece, such as a control character, is read from what there is.
                vectors[i] = states[row, wordpieces or [0]].mean(axis=0)
            bar.update(len(batch))
    return vectors


def reduce_vectors(vectors: numpy.ndarray, dimensions: int, *, whitening: float) -> numpy.ndarray:
    """Reduce vectors by PCA, whiten them in part, and scale them to a mean square of 1 per entry.

    The fine-tuned teacher's first component, what it was trained to tell apart, is many times larger than all others:
    left as it is, it drowns them in the student; made as small as they are, it is one of many.

    vectors (ndarray): Shape: (n_words, width).
    dimensions (int): New width.
    whitening (float): Power of its standard deviation that a component is divided by: 1 makes all equally large.
    RETURNS (ndarray): The last columns are 0 where words or width are fewer. Shape: (n_words, dimensions).
    """
    n_components = min(dimensions, *vectors.shape)
    reduced = PCA(n_components, svd_solver="full").fit_transform(vectors.astype("float64"))
    spread = reduced.std(axis=0)
    # What has no spread beyond rounding stays as it is, near 0.
    spread[spread <= 1e-6 * spread.max()] = 1
    reduced /= spread**whitening
    scaled = reduced / max(float(numpy.sqrt((reduced**2).mean())), 1e-12)
    return numpy.pad(scaled, [(0, 0), (0, dimensions - n_components)]).astype("float32")


def save_vectors(words: List[str], vectors: numpy.ndarray, blank: Language, output: Path) -> None:
    """Write a blank pipeline with vectors, as `[initialize] vectors` reads it.

    words (List[str]): The words.
    vectors (ndarray): Shape: (n_words, dimensions).
    blank (Language): A pipeline without vectors.
    output (Path): Its folder.
    """
    blank.vocab.vectors = Vectors(strings=blank.vocab.strings, data=vectors, keys=words, name="lexicon")
    with replaced(output) as partial:
        blank.to_disk(partial)


if __name__ == "__main__":
    run_command(write_lexicon)
