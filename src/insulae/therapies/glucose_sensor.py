"""Glucose sensor with alerts, worn beside injected insulin or a pump without a loop.

A reading below the alert makes the wearer eat, by chance, before symptoms begin and also in the night
(`lifestyle/low_glucose.py`). Known: people who see their sensor spend two fifths less time below range
(seyedahmadi2020). Fitted: the chance to answer an alert, to that. Assumed: the sensor is worn all the time,
insulin is dosed as before. Not modelled: insulin changed by the arrow of the trend, alerts at high glucose,
alerts that people switch off.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, TherapySpec, Treatment, register


@dataclasses.dataclass(frozen=True)
class SensorTreatment(Treatment):
    """Who wears the sensor from the start on."""

    start: float
    size: int

    def effects(self, day: float) -> Effects:
        """Let the wearer hear the alerts."""
        return NOTHING if day < self.start else Effects(sensor_alerts=np.ones(self.size, np.float32))

    def is_taken(self, day: float) -> Flags:
        """Tell who wears a sensor."""
        return np.full(self.size, day >= self.start)

    def event_days(self) -> list[float]:
        """Return the first day of the sensor."""
        return [self.start]


@register
class GlucoseSensor(TherapySpec):
    """Sensor whose alerts at low glucose its wearer hears."""

    family: ClassVar[str] = "insulin"
    kind: Literal["glucose_sensor"] = "glucose_sensor"

    def build(self, enrolled: Enrolled) -> SensorTreatment:
        """Return the treatment of each patient."""
        return SensorTreatment(start=self.start, size=enrolled.size)
