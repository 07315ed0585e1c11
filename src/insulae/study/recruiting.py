"""What the results tell of a recruited cohort: who was left out, and its baseline beside the wanted one."""

from typing import Any

from insulae.populations.recruitment import SOLVED, Recruitment
from insulae.study.patients import TRAITS


def summary(found: Recruitment, used: int) -> dict[str, Any]:
    """Return the attrition, the effective sample size and the statistics as plain data."""
    steps = [*found.steps, ("in the results", used)]
    return {
        "recruitment": {
            "attrition": [{"step": step, "left": left} for step, left in steps],
            "eligible": found.eligible,
            "effective_size": round(found.effective_size, 1),
            "baseline": [
                {
                    "trait": one.target.trait,
                    "statistic": one.target.statistic,
                    "unit": TRAITS[one.target.trait].unit if one.target.trait in TRAITS else "",
                    "from": "solved" if one.target.trait in SOLVED else "drawn",
                    "target": one.target.value,
                    "eligible": one.eligible,
                    "selected": one.selected,
                }
                for one in found.statistics
            ],
        }
    }
