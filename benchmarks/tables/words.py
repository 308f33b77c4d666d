"""Tables of what holds in several languages: classes of words."""

from typing import Any

from benchmarks.tables.table import Table, format_cells, name_machine


def word_classes(record: Any) -> Table:
    """How often a replaced word keeps its part of speech, by language.

    record (Any): What benchmarks.word_classes wrote.
    RETURNS (Table): The table.
    """
    columns = {"lang": "", "tagger": "", "texts": ",", "words": ",", "same": ".0%", "chance": ".0%"}
    header = ["language", "judged by", "texts", "words replaced", "same part of speech", "by chance"]
    return Table(header, format_cells(record["rows"], columns), name_machine(record["machine"]), n_words=2)
