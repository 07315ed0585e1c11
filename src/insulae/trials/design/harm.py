"""When a trial stops for harm: a Bayesian rule on patients with an event, each after a time of watching."""

import numpy as np

from insulae.statistics.bayesian_stopping import toxicity_bound
from insulae.trials.design.conduct import Data, Flags
from insulae.trials.design.designs import ToxicityRule
from insulae.trials.design.outcomes import SERIOUS
from insulae.trials.design.protocol import DEATH


def stopped_for_harm(rule: ToxicityRule, data: Data) -> float | None:
    """Return the calendar week in which the rule stops the trial; None when it does not.

    After each patient's observation time all who have completed theirs are counted.
    """
    harmed = had_event(rule, data)
    for n in range(rule.fewest, len(harmed) + 1):
        most = bound(rule, n)
        if most is not None and harmed[:n].sum() >= most:
            return float(data.entered[n - 1] + rule.within)
    return None


def bound(rule: ToxicityRule, n: int) -> int | None:
    """Return the patients with an event, of n, at which the rule stops; None when it cannot."""
    limit = rule.limit / 100
    return toxicity_bound(n, limit, (limit, 1 - limit), rule.certainty / 100)


def had_event(rule: ToxicityRule, data: Data) -> Flags:
    """Tell who had the event of a rule in time [patient]."""
    followed = data.followed
    died = followed.event_week[DEATH] <= rule.within
    if rule.event == "death":
        return died
    inside = followed.weeks <= rule.within + 1e-9
    counts = np.where(np.isfinite(followed.values[SERIOUS]), followed.values[SERIOUS], 0.0)
    return (counts[:, inside].max(axis=1) > 0) | died
