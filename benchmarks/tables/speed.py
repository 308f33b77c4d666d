"""Tables of speed, memory, cost and environments, each a function of the record of its benchmark."""

from typing import Any, Dict

from benchmarks.tables.table import Table, format_cells, format_range, name_machine

Record = Dict[str, Any]


def students(record: Record) -> Table:
    """Students as they are packaged, against spaCy's tokenizer and its CNN (benchmarks.student)."""
    rows = [
        [
            name,
            f"{system['words_per_second']['median']:,.0f}",
            format_range(system["of_tokenizer"]),
            format_range(system["of_stock"]),
            f"{system['latency_ms']['p50']:.2f}",
            f"{system['latency_ms']['p95']:.2f}",
            f"{system['load_seconds']['median']:.2f}" if "load_seconds" in system else "",
            f"{system['size_mb']:.1f}" if "size_mb" in system else "",
        ]
        for name, system in record["systems"].items()
    ]
    for name, training in record["training"].items():
        rate = f"{training['words_per_second']['median']:,.0f}"
        rows.append([f"training, {name}", rate, "", format_range(training["of_stock"]), "", "", "", ""])
    texts = record["texts"]
    caption = (
        f"{texts['n']:,} texts, {texts['words']:,} words (spaCy's tokens), in turn in one process"
        f"{', CPU time' if texts['cpu_time'] else ''}, medians of {texts['rounds']} rounds; in brackets the range of a "
        f"round's ratio. Milliseconds are of single texts. {name_machine(record['machine'])}"
    )
    header = ("", "words/s", "of the tokenizer", "of the stock CNN", "p50 ms", "p95 ms", "load s", "MB")
    return Table(header, rows, caption)


def scoring(record: Record) -> Table:
    """What runs the teacher, and how near it comes to its own pipeline (benchmarks.scoring)."""
    rows = [
        [
            row["runtime"],
            f"{row['words_per_second']:,.0f}",
            f"{row['times_baseline']:.2f} ({row['lowest']:.2f}-{row['highest']:.2f})",
            f"{row['agreement']:.1%}",
            f"{row['difference']:.4f}",
        ]
        for row in record["runtimes"]
    ]
    caption = (
        f"{record['texts']:,} texts of {record['words'] / record['texts']:.0f} words, medians of {record['rounds']} "
        "rounds; in brackets the range of a round's ratio. Labels and probabilities are compared with those of the "
        f"first row. {name_machine(record['machine'])}"
    )
    return Table(("", "words/s", "times the pipeline", "same label", "mean difference"), rows, caption)


def encoder(record: Record) -> Table:
    """The teacher's encoder alone, as a share of what the processor can do (benchmarks.encoder)."""
    rows = [
        [
            row["precision"],
            f"{row['wordpieces_of_a_batch']:,}",
            f"{row['words_per_second']:,.0f} ({row['lowest']:,.0f}-{row['highest']:,.0f})",
            f"{row['padding']:.1%}",
            f"{row['flops_per_second'] / 1e12:.2f}",
            f"{row['share_of_peak']:.1%}",
        ]
        for row in record["rows"]
    ]
    peaks = ", ".join(f"{peak / 1e12:.2f} in {name}" for name, peak in record["peak_flops_per_second"].items())
    before = ", ".join(f"{name} {rate:,.0f}" for name, rate in record["words_per_second_on_the_cpu_before"].items())
    caption = (
        f"{record['texts']:,} texts of {record['words'] / record['texts']:.0f} words, medians and range of "
        f"{record['rounds']} rounds. The peak, a product of large matrices, in TFLOP/s: {peaks}. Before that, words/s "
        f"of one process on the CPU: {before}. {name_machine(record['machine'])}"
    )
    return Table(("", "wordpieces of a batch", "words/s", "padding", "TFLOP/s", "of the peak"), rows, caption)


def memory(record: Record) -> Table:
    """Peak memory and time by the size of the transfer set (benchmarks.memory)."""
    rows = sorted(record["rows"], key=lambda row: (row["stage"], row["size"]))
    columns = {"stage": "", "size": ",", "peak_rss_mb": ",.0f", "seconds": ",.0f", "cpu_seconds": ",.0f"}
    caption = (
        "Synthetic texts of 80 words on average, each row in a process of its own on one core. "
        f"{name_machine(record['machine'])}"
    )
    return Table(("", "texts", "MB", "seconds", "CPU-seconds"), format_cells(rows, columns), caption)


def cost(record: Record) -> Table:
    """What a million texts take and cost (benchmarks.cost)."""
    rows = [
        [
            row["step"],
            f"{row['words_per_second']:,.0f} ({row['lowest']:,.0f}-{row['highest']:,.0f})",
            f"{row['reviews_per_second']:,.1f}",
            f"{row['hours_per_million']:,.2f}",
            f"{row['cost_per_million']:,.2f}",
        ]
        for row in record["steps"]
    ]
    caption = (
        f"A million texts of {record['words_per_review']:.0f} words, {record['n_process']} processes, "
        f"{record['price_per_hour']:g} per hour. {name_machine(record['machine'])}"
    )
    return Table(("", "words/s", "texts/s", "hours", "cost"), rows, caption)


def environments(record: Record) -> Table:
    """The same wheels under several versions of Python and spaCy (benchmarks.wheel_environments)."""
    columns = ("python", "spacy", "thinc", "numpy")
    rows = [
        [*(row[name] for name in columns), f"{row['difference']:.0e}" if row["difference"] else "0"]
        for row in record["rows"]
    ]
    here = ", ".join(f"{name} {record['here'][name]}" for name in columns)
    caption = (
        f"{', '.join(record['wheels'])}: the largest difference of a probability, on {record['n_texts']:,} texts, from "
        f"what is said under {here}."
    )
    return Table(("Python", "spaCy", "Thinc", "NumPy", "difference"), rows, caption, n_words=4)
