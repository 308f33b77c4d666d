"""The one `--code` file of this project: importing it registers everything that the configs name."""

import scripts.architectures.characters
import scripts.architectures.ensemble
import scripts.architectures.lexeme_cache
import scripts.architectures.lexemes
import scripts.architectures.ngrams
import scripts.architectures.softmax
import scripts.augmentation.operations
import scripts.cascade.component
import scripts.distillation.component
import scripts.distillation.reader
import scripts.factories
import scripts.schedule
import scripts.teacher.batcher
import scripts.teacher.load_encoder
import scripts.teacher.optimizer
import scripts.tokenizing  # noqa: F401
