"""Students: modules that ship with the packages that use them.

A shipped module is a leaf: it imports only spaCy, Thinc, NumPy and the standard library, and, inside of functions, the
packages that its models declare. Leaves meet through registry names alone. It is written for the oldest Python that a
wheel allows (scripts/packaging/entry_points.py).

Where several wheels are installed, spaCy may take a leaf out of another one than the pipeline's. What a name means,
with the weights that it loads, stays the same for ever; a change is a new version, of a new name.

What others must know of a student stands in the attrs of its model and nowhere else. Each attr is optional. The first
two stand on the model that a config block makes, the others on whatever node they are about. Functions take that node
first; Thinc stores neither them nor classes.

members (List[str]): Names of the config blocks of the models whose logits this one adds, in the order of its layers.
    They learn apart and are calibrated each with a factor; `export` leaves out those that say nothing.
predicts_as (Callable[[Dict], Dict]): From the model's config block to the one that takes its place in a package. Both
    make the same layers, as one loads the weights of the other.
requires (List[str]): Packages that the node needs beside spaCy's own, e.g. ["torch>=2.0"]. So does the wheel.
fit (Callable[[Model, Iterable[Doc]], None]): Reads the corpus once before the model is initialised.
choices (Dict[str, Dict[str, Any]]): Attrs that the node may have, by what it then reads, the fastest first: one is
    chosen on dev before the fit. Each sets `reads` (str) to its name, which the report states with what was measured,
    `chosen`. Empty where the config has chosen.
take_vectors (Callable[[Model, Vocab], None]): Takes the vectors of the vocabulary over before that.
features (Callable[[Model, List[Doc]], Tuple[ndarray, ndarray, ndarray]]): What the node, with logits that are the sum
    of value * W[row] over a document's entries, plus b, reads in documents: document number, row and value of each
    entry. Calibration adds the weights that gold labels alone teach it.
table (type): A class made of the node and of texts like those to come, so that `compress` can prune the node's rows.
    It has a `name`; `importance`, a number for each row, shape (n_rows,); and `keep(rows)`, which drops all rows but
    these, numbers in ascending order, and stores them small. `compress` undoes it by the node's attrs and parameters.
"""
