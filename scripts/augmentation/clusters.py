"""Word classes learned from the texts themselves, where there is no tagger.

They are distributional: words that stand between the same neighbours, and end alike, are taken for the same part of
speech. Frequent words are described by counts of the words left and right of them, reduced by a truncated SVD, and
clustered by k-means.

SOURCE: Schütze (1995), Distributional part-of-speech tagging, section 3.
"""

from collections import Counter
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize
from spacy.tokens import Doc

from scripts.augmentation.word_classes import UNKNOWN
from scripts.data.words import is_word

N_CLASSES = 48
N_CONTEXT_WORDS = 250
N_DIMENSIONS = 40
MIN_COUNT = 3
# Weight of the last three letters beside the neighbours: they tell forms apart that few contexts do.
SUFFIX_WEIGHT = 0.4


class ClusterTagger:
    """Gives each known word the class that was learned for it, wherever it stands."""

    def __init__(self, class_of: Dict[str, str]) -> None:
        """class_of (Dict[str, str]): Class of each word in lower case."""
        self.class_of = class_of

    def __call__(self, doc: Doc) -> List[str]:
        """doc (Doc): A tokenized text. RETURNS (List[str]): A class per token, empty for unknown words."""
        return [self.class_of.get(token.lower_, UNKNOWN) for token in doc]


class LanguageTagger:
    """Gives each word a class of the language of its text, so that no word is replaced by one of another language."""

    def __init__(self, taggers: Dict[str, ClusterTagger]) -> None:
        """taggers (Dict[str, ClusterTagger]): What was learned for each language."""
        self.taggers = taggers

    def __call__(self, doc: Doc) -> List[str]:
        """doc (Doc): A tokenized text that tells its language. RETURNS (List[str]): As `ClusterTagger` does."""
        lang = doc._.lang
        return [word_class and f"{lang}/{word_class}" for word_class in self.taggers[lang](doc)]


def learn_tagger(docs: Sequence[Doc], *, seed: int) -> Union[ClusterTagger, LanguageTagger]:
    """Learn the word classes of each language. Together, words of one language would stand for those of another.

    docs (Sequence[Doc]): Tokenized texts; of one language, or each tells its own.
    seed (int): Seed of `learn_clusters`.
    RETURNS (Union[ClusterTagger, LanguageTagger]): Gives classes.
    """
    groups: Dict[Optional[str], List[Doc]] = {}
    for doc in docs:
        groups.setdefault(doc._.lang, []).append(doc)
    if None in groups:
        return learn_clusters(docs, seed=seed)
    return LanguageTagger({str(lang): learn_clusters(group, seed=seed) for lang, group in groups.items()})


def learn_clusters(docs: Sequence[Doc], *, seed: int, n_classes: int = N_CLASSES) -> ClusterTagger:
    """Learn distributional word classes.

    docs (Sequence[Doc]): Tokenized texts.
    seed (int): Seed of the SVD and of k-means.
    n_classes (int): Most classes to learn.
    RETURNS (ClusterTagger): Knows the words that occur at least MIN_COUNT times.
    """
    counts = Counter(token.lower_ for doc in docs for token in doc)
    words = sorted(word for word, n in counts.items() if n >= MIN_COUNT and is_word(word))
    if len(words) < 2:
        return ClusterTagger({})
    context = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:N_CONTEXT_WORDS]]
    features = normalize(_reduce(_neighbour_counts(docs, words, context), seed=seed))
    suffixes = _suffix_features(words)
    stacked = numpy.hstack([features, SUFFIX_WEIGHT * _reduce(suffixes, seed=seed)])
    n_clusters = min(n_classes, max(2, len(words) // 4))
    clusters = KMeans(n_clusters, n_init=3, random_state=seed).fit_predict(stacked)
    return ClusterTagger({word: f"class{cluster}" for word, cluster in zip(words, clusters)})


def _neighbour_counts(docs: Sequence[Doc], words: List[str], context: List[str]) -> csr_matrix:
    """Square roots of counts of each context word left and right of each word. Shape: (n_words, 2 * n_context)."""
    row_of = {word: i for i, word in enumerate(words)}
    column_of = {word: i for i, word in enumerate(context)}
    cells: Counter = Counter()
    for doc in docs:
        lowered: List[Optional[str]] = [None, *(token.lower_ for token in doc), None]
        for left, word, right in zip(lowered, lowered[1:], lowered[2:]):
            row = row_of.get(word) if word else None
            if row is not None:
                if left in column_of:
                    cells[row, column_of[left]] += 1
                if right in column_of:
                    cells[row, len(context) + column_of[right]] += 1
    return _sparse(cells, (len(words), 2 * len(context)))


def _suffix_features(words: List[str]) -> csr_matrix:
    """One column for each ending of one to three letters. Shape: (n_words, n_endings)."""
    column_of: Dict[str, int] = {}
    cells: Counter = Counter()
    for row, word in enumerate(words):
        for length in (1, 2, 3):
            if len(word) > length:
                cells[row, column_of.setdefault(word[-length:], len(column_of))] = 1
    return _sparse(cells, (len(words), max(1, len(column_of))))


def _sparse(cells: Counter, shape: Tuple[int, int]) -> csr_matrix:
    """The square roots of counted cells as a sparse matrix."""
    rows, columns = [row for row, _ in cells], [column for _, column in cells]
    return csr_matrix((numpy.sqrt(list(cells.values())), (rows, columns)), shape=shape)


def _reduce(matrix: csr_matrix, *, seed: int) -> numpy.ndarray:
    """Truncated SVD to N_DIMENSIONS, or the matrix itself where it is no wider."""
    if min(matrix.shape) <= N_DIMENSIONS:
        return matrix.toarray()
    return TruncatedSVD(N_DIMENSIONS, random_state=seed).fit_transform(matrix)
