"""The peers: how each is made, how it is loaded, and what it learns from."""

from typing import List, NamedTuple, Tuple

GOLD, TEXTS, TEACHER = "gold", "gold, unlabelled", "gold, unlabelled, teacher"
# Packages that an installation of a peer alone would lack. Thinc, for one, imports PyTorch where it finds it.
HEAVY = ("torch", "transformers", "spacy_transformers")


class Peer(NamedTuple):
    """One row of the table.

    name (str): Its name there; also that of its folder.
    train (str): The function that makes it, as module:function of this package.
    load (str): Its function in `loaders`.
    learns_from (str): What it is given beside the dev texts.
    family (str): Peers of one family are made one after another and share a folder.
    is_random (bool): Whether it depends on a seed. What does not is made once.
    hidden (Tuple[str, ...]): Packages that are not installed for its process.
    is_taught (bool): Whether the teacher's labels of the unlabelled texts are added to those of train.
    is_ours (bool): Whether it stands for this project in the comparison.
    """

    name: str
    train: str
    load: str
    learns_from: str
    family: str
    is_random: bool = True
    hidden: Tuple[str, ...] = HEAVY
    is_taught: bool = False
    is_ours: bool = False


def with_teacher(peer: Peer) -> List[Peer]:
    """A peer and its other self, which has the teacher's labels of the unlabelled texts, too: what our students have.

    peer (Peer): A peer that learns from gold labels.
    RETURNS (List[Peer]): Both.
    """
    name, family = f"{peer.name}+teacher", f"{peer.family}+teacher"
    return [peer, peer._replace(name=name, family=family, learns_from=TEACHER, is_taught=True)]


# spaCy's CNN and ensemble, far behind and slow to train, have no other self; nor has what is quantized, another form of
# the same.
PEERS: List[Peer] = [
    *with_teacher(Peer("spacy-bow", "spacy_peers:train_bow", "load_spacy", GOLD, "spacy-bow")),
    Peer("spacy-reduce", "spacy_peers:train_reduce", "load_spacy", GOLD, "spacy-reduce"),
    Peer("spacy-ensemble", "spacy_peers:train_ensemble", "load_spacy", GOLD, "spacy-ensemble"),
    *with_teacher(Peer("tfidf-spacy", "sklearn_peers:train_reference", "load_reference", GOLD, "sklearn", False)),
    *with_teacher(Peer("tfidf", "sklearn_peers:train_tfidf", "load_sklearn", GOLD, "sklearn", False)),
    *with_teacher(Peer("fasttext", "fasttext_peers:train_supervised", "load_fasttext", GOLD, "fasttext")),
    *with_teacher(Peer("fasttext-vectors", "fasttext_peers:train_with_vectors", "load_fasttext", TEXTS, "vectors")),
    Peer("fasttext-quantized", "fasttext_peers:train_quantized", "load_fasttext", TEXTS, "vectors"),
    *with_teacher(Peer("model2vec", "static_peers:distill_encoder", "load_static", TEXTS, "model2vec", False)),
    *with_teacher(
        Peer("model2vec-teacher", "static_peers:distill_teacher", "load_static", TEACHER, "model2vec", False)
    ),
    Peer("bow", "our_models:train_bow", "load_student", TEACHER, "bow", is_ours=True),
    Peer("cnn", "our_models:train_cnn", "load_student", TEACHER, "cnn", is_ours=True),
    Peer("ensemble", "our_models:train_ensemble", "load_student", TEACHER, "ensemble", is_ours=True),
    Peer("teacher", "our_models:copy_teacher", "load_spacy", GOLD, "teacher", is_random=False, hidden=()),
]
