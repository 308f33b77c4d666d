"""The charts of the page, as Vega-Lite that Altair has checked."""

from typing import Any, Dict

from scripts.evaluation.page.figures import (
    count_unlabelled,
    find_sizes,
    measure_coverage,
    measure_reliability,
    pair_probs,
)
from scripts.evaluation.page.inputs import Saved
from scripts.evaluation.page.parts import Chart, style
from scripts.evaluation.page.quality_charts import (
    draw_agreement,
    draw_reliability,
    draw_speed,
    draw_threshold,
    name_axis,
)
from scripts.evaluation.page.run_charts import draw_cascade, draw_latency, draw_sizes, draw_training, draw_transfer
from scripts.evaluation.predictions import UNCALIBRATED

# Whose confidence is shown.
CALIBRATED = (UNCALIBRATED, "student", "teacher")


def make_charts(saved: Saved) -> Dict[str, Dict[str, Any]]:
    """Make all charts that the saved files allow.

    saved (Saved): A finished run.
    RETURNS (Dict[str, Dict[str, Any]]): Vega-Lite by name.
    """
    test, report = saved.splits["test"], saved.report
    charts: Dict[str, Chart] = {
        "speed": draw_speed(report),
        "latency": draw_latency(report),
        "threshold": draw_threshold(measure_coverage(test.probs["student"], test.gold)),
        "agreement": draw_agreement(
            pair_probs(test.probs["student"], test.probs["teacher"], test.gold), name_axis(saved.task.labels)
        ),
        "transfer": draw_transfer(report["transfer"]),
    }
    for name in CALIBRATED:
        charts[f"reliability-{name}"] = draw_reliability(measure_reliability(test.probs[name], test.gold), name)
    for name, log in saved.logs.items():
        charts[f"training-{name}"] = draw_training(log, name)
    if sizes := find_sizes(saved.ablation, count_unlabelled(report)):
        charts["sizes"] = draw_sizes(sizes, saved.ablation["teacher"]["test"])
    if saved.cascade:
        charts["cascade"] = draw_cascade(saved.cascade)
    return {name: style(chart).to_dict() for name, chart in charts.items()}
