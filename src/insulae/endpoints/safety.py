"""Safety: what has happened to each patient so far; the events themselves are in a table of their own.

Adverse events are drawn from rates, see `insulae.trials.adverse_events`; after a death every endpoint is
missing.
"""

from insulae.endpoints.base import Floats, endpoint, percent


@endpoint(unit="dimensionless", label="Serious adverse events so far", better="lower", source="iche2a1994")
def serious_events(serious_events: Floats) -> Floats:
    """Serious adverse events since enrollment: fatal, life-threatening, or in hospital."""
    return serious_events


@endpoint(
    unit="%",
    label="Any severe hypoglycemia so far (level 3)",
    better="lower",
    source="battelino2023",
    kind="yes_no",
)
def any_severe_hypoglycemia(severe_hypoglycemias: Floats) -> Floats:
    """At least one episode of level 3 since enrollment, which needs the help of another person."""
    return percent(severe_hypoglycemias > 0, severe_hypoglycemias)
