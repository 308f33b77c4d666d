"""What a pipeline learns of texts is forgotten, and not after each batch: words that come again are known."""

from contextlib import ExitStack, contextmanager
from typing import Iterator, Optional

from spacy import Language

# Characters of texts after which all is forgotten. Their words take some megabytes.
MAX_CHARACTERS = 1_000_000


class Memory:
    """A memory zone of a pipeline that is kept open over several batches. Without one, its vocabulary would keep every
    new word for ever; with one for each batch, the tokenizer would take the same words apart again and again.
    """

    def __init__(self, nlp: Language, max_characters: int = MAX_CHARACTERS) -> None:
        """nlp (Language): The pipeline.
        max_characters (int): Characters of texts after which all is forgotten.
        """
        self.nlp = nlp
        self.max_characters = max_characters
        self.n_characters = 0
        self._zone: Optional[ExitStack] = None

    @contextmanager
    def hold(self, n_characters: int) -> Iterator[None]:
        """Have a zone for the time of a batch. No document may outlive it.

        n_characters (int): Length of its texts.
        """
        if self._zone is None:
            self._zone = ExitStack()
            self._zone.enter_context(self.nlp.memory_zone())
        self.n_characters += n_characters
        done = False
        try:
            yield
            done = self.n_characters < self.max_characters
        finally:
            # After an error, too, nobody knows what is left.
            if not done:
                self.forget()

    def forget(self) -> None:
        """Forget all texts."""
        if self._zone is not None:
            self._zone.close()
        self._zone, self.n_characters = None, 0
