"""The `lexicon` step: what the fine-tuned teacher knows about single words, as vectors for the student.

The student reads few words often enough to learn them. The teacher knows them all: its hidden state for a word,
reduced to a few dimensions, is handed to the student as the word's fixed vector through `[initialize] vectors`.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple, cast

import numpy
import spacy
import torch
import typer
from sklearn.decomposition import PCA
from spacy import Language
from spacy.vectors import Vectors  # type: ignore[import-not-found]
from spacy_transformers import Transformer
from spacy_transformers.layers.transformer_model import TransformerModel
from tqdm import tqdm
from wasabi import msg

from scripts.data.docbins import GOLD, UNLABELLED
from scripts.files import UserError, replaced, run_command
from scripts.gpu import use_gpu
from scripts.teacher.scoring import read_rows

BATCH_WORDS = 256
BATCH_TEXTS = 16


def write_lexicon(
    texts: Path = typer.Argument(..., help="The transfer set's texts, as `augment` wrote them"),
    teacher: Path = typer.Argument(..., help="The fine-tuned teacher"),
    output: Path = typer.Argument(..., help="Folder of the lexicon, for `[initialize] vectors`"),
    dimensions: int = typer.Option(64, help="Width of the vectors"),
    whitening: float = typer.Option(0.5, help="1 makes all dimensions equally large, 0 leaves them as they are"),
    min_count: int = typer.Option(3, help="How often a word must occur"),
    max_words: int = typer.Option(30_000, help="Most words, the frequent ones first"),
    sources: str = typer.Option(f"{GOLD},{UNLABELLED}", help="Sources of the texts that words are counted in"),
    vocabulary: int = typer.Option(0, help="Words of the encoder's own vocabulary to add, the first ones first"),
    contexts: int = typer.Option(0, help="Texts to read words in; a word that none has is read alone, as all are at 0"),
    layer: int = typer.Option(-1, help="Layer of the encoder, as an index of its hidden states; -1 is the last"),
    gpu_id: int = typer.Option(-1, help="GPU to use, -1 for the CPU"),
) -> None:
    """Write the teacher's word vectors."""
    use_gpu(gpu_id)
    nlp = spacy.load(teacher)
    if not nlp.has_pipe("transformer"):
        raise UserError(f"The teacher {teacher} has no transformer, so there is nothing to read word vectors out of.")
    tokenize = spacy.blank(str(nlp.lang))
    rows = [row["text"] for row in read_rows(texts) if row["source"] in sources.split(",")]
    docs = tqdm(map(tokenize.make_doc, rows), total=len(rows), desc="Counting words", unit="text", disable=None)
    words = choose_words((token.text for doc in docs for token in doc), min_count=min_count, max_words=max_words)
    model = cast(TransformerModel, cast(Transformer, nlp.get_pipe("transformer")).model)
    for word in vocabulary_words(model.tokenizer, vocabulary):
        words.setdefault(word.lower(), word)
    if len(words) < 2:
        raise UserError(f"{texts} has {len(words)} words that occur {min_count} times. Give --min-count a lower value.")
    encoder = Encoder(model.tokenizer, model.transformer, layer=layer)
    vectors = encoder.encode_words(list(words.values()))
    if contexts:
        read = [[token.text for token in tokenize.make_doc(text)] for text in rows[:contexts]]
        add_contexts(vectors, {word: i for i, word in enumerate(words)}, encoder.encode_texts(read), n_texts=len(read))
    save_vectors(list(words), reduce_vectors(vectors, dimensions, whitening=whitening), tokenize, output)
    msg.good(f"Lexicon of {len(words)} words, {dimensions} dimensions: {output}")


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


def vocabulary_words(tokenizer: Any, n_words: int) -> List[str]:
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
        if word.isalpha() and tokenizer.tokenize(word) == [token]:
            found.append(word)
    return found


class Encoder:
    """The teacher's transformer, read word by word."""

    def __init__(self, tokenizer: Any, transformer: Any, *, layer: int) -> None:
        """Wrap a Hugging Face encoder.

        tokenizer (PreTrainedTokenizerFast): Its tokenizer.
        transformer (PreTrainedModel): Its weights.
        layer (int): Index of the hidden states that are read.
        RAISES (UserError): There is no such layer.
        """
        self.tokenizer = tokenizer
        self.transformer = transformer.eval()
        n_layers = self.transformer.config.num_hidden_layers
        if not -n_layers - 1 <= layer <= n_layers:
            raise UserError(f"--layer {layer} is out of range: the encoder has the hidden states 0 to {n_layers}.")
        self.layer = layer
        # RoBERTa and its kin lose two positions to padding.
        self.max_length = self.transformer.config.max_position_embeddings - 2

    def encode_words(self, words: List[str]) -> numpy.ndarray:
        """Encode each word alone: the mean over its pieces.

        words (List[str]): The words as they are written.
        RETURNS (ndarray): Hidden states. Shape: (n_words, width).
        """
        # Words of like length share a batch.
        order = sorted(range(len(words)), key=lambda i: (len(words[i]), words[i]))
        batches = [order[start : start + BATCH_WORDS] for start in range(0, len(order), BATCH_WORDS)]
        encoded: Dict[int, numpy.ndarray] = {}
        bar = tqdm(total=len(words), desc="Reading words", unit="word", disable=None)
        with bar:
            for batch in batches:
                for i, (_, states) in zip(batch, self._encode([[words[i]] for i in batch])):
                    encoded[i] = states.mean(axis=0)
                bar.update(len(batch))
        return numpy.stack([encoded[i] for i in range(len(words))])

    def encode_texts(self, texts: List[List[str]]) -> Iterator[Tuple[str, numpy.ndarray]]:
        """Encode words in their texts.

        texts (List[List[str]]): The words of each text; what is too long for the encoder is cut off.
        YIELDS (Tuple[str, ndarray]): Each word and its hidden state. Shape: (width,).
        """
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = texts[start : start + BATCH_TEXTS]
            for words, (word_ids, states) in zip(batch, self._encode(batch)):
                for i in numpy.unique(word_ids):
                    yield words[i], states[word_ids == i].mean(axis=0)

    def _encode(self, texts: List[List[str]]) -> Iterator[Tuple[numpy.ndarray, numpy.ndarray]]:
        """The number of the word and the hidden state of each piece of each text, without special tokens."""
        encoded = self.tokenizer(
            texts,
            is_split_into_words=True,
            padding=True,
            truncation=True,
            max_length=self.max_length,
            return_tensors="pt",
        )
        with torch.inference_mode():
            output = self.transformer(**encoded.to(self.transformer.device), output_hidden_states=True)
        states = output.hidden_states[self.layer].float().cpu().numpy()
        for i in range(len(texts)):
            ids = encoded.word_ids(i)
            inside = [j for j, word_id in enumerate(ids) if word_id is not None]
            # A word that has no piece of its own, such as a control character, is read from what there is.
            chosen = inside or [0]
            yield numpy.array([ids[j] or 0 for j in chosen]), states[i, chosen]


def add_contexts(
    vectors: numpy.ndarray, row_of: Dict[str, int], occurrences: Iterable[Tuple[str, numpy.ndarray]], *, n_texts: int
) -> None:
    """Replace the vectors of words by the mean over their occurrences.

    vectors (ndarray): Vectors of words read alone; changed in place. Shape: (n_words, width).
    row_of (Dict[str, int]): Row of each word in lower case.
    occurrences (Iterable[Tuple[str, ndarray]]): Words in context and their hidden states.
    n_texts (int): Number of texts, for the message.
    """
    sums, counts = numpy.zeros_like(vectors), numpy.zeros(len(vectors), dtype="int64")
    for word, state in tqdm(occurrences, desc=f"Reading {n_texts} texts", unit="word", disable=None):
        row = row_of.get(word.lower())
        if row is not None:
            sums[row] += state
            counts[row] += 1
    seen = counts > 0
    vectors[seen] = sums[seen] / counts[seen, None]


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


def save_vectors(words: List[str], vectors: numpy.ndarray, nlp: Language, output: Path) -> None:
    """Write a blank pipeline with vectors, as `[initialize] vectors` reads it.

    words (List[str]): The words.
    vectors (ndarray): Shape: (n_words, dimensions).
    nlp (Language): A blank pipeline of the language.
    output (Path): Its folder.
    """
    blank = spacy.blank(str(nlp.lang))
    blank.vocab.vectors = Vectors(strings=blank.vocab.strings, data=vectors, keys=words, name="lexicon")
    with replaced(output) as partial:
        blank.to_disk(partial)


if __name__ == "__main__":
    run_command(write_lexicon)
