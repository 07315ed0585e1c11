"""Hypoglycemia: episodes per week in the CGM window, by the international consensus.

Level 3 (severe: help of another person needed) is no matter of glucose alone: see the family safety.
"""

from insulae.cgm.episodes import episodes_per_week
from insulae.cgm.readings import Readings
from insulae.endpoints.base import Floats, endpoint


@endpoint(unit="1/week", label="Hypoglycemic episodes below 70 mg/dL", better="lower", source="battelino2023")
def hypoglycemia_episodes(readings: Readings) -> Floats:
    """Level 1 episodes per week: at least 15 minutes below 70 mg/dL; those reaching level 2 included."""
    return episodes_per_week(readings, level=1)


@endpoint(unit="1/week", label="Hypoglycemic episodes below 54 mg/dL", better="lower", source="battelino2023")
def hypoglycemia_episodes_level_2(readings: Readings) -> Floats:
    """Level 2 episodes per week: at least 15 minutes below 54 mg/dL."""
    return episodes_per_week(readings, level=2)
