"""Bariatric surgery: gastric bypass or sleeve, which lowers intake for good, most of it in the first months.

Intake is restricted by a share of what the weight at operation needs, from an early to a late share:

    restriction = m W0 k (late + (early - late) exp(-t/adaptation time))

with the patient's response k and the maintenance m of the energy balance (`body_weight.py`); appetite
answers the weight lost, more weakly than after a diet (Hall 2023). Meals reach the gut faster and the
incretin response is restored, both at once. Everything else follows from the body.

Known: weight after one, five and ten years (fitted: `calibration/weight.py`), incretin effect and emptying in
small studies, deaths in registries. Assumed: leak and bleeding after bypass, the sleeve's incretin response.
Not modelled: hypoglycemia after bypass, deficiencies, bone, gallstones, second operations, bile acids.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, Risks, TherapySpec, Treatment, drawn, register

Operation = Literal["bypass", "sleeve"]


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `bariatric_surgery.*`."""

    response: Floats = parameter("dimensionless")
    adaptation_time: Floats = parameter("d")
    appetite_effect: Floats = parameter("dimensionless")
    bypass_early: Floats = parameter("dimensionless")
    bypass_late: Floats = parameter("dimensionless")
    bypass_incretin: Floats = parameter("dimensionless")
    bypass_emptying: Floats = parameter("dimensionless")
    bypass_leak: Floats = parameter("dimensionless")
    bypass_bleeding: Floats = parameter("dimensionless")
    bypass_death: Floats = parameter("dimensionless")
    sleeve_early: Floats = parameter("dimensionless")
    sleeve_late: Floats = parameter("dimensionless")
    sleeve_incretin: Floats = parameter("dimensionless")
    sleeve_emptying: Floats = parameter("dimensionless")
    sleeve_leak: Floats = parameter("dimensionless")
    sleeve_bleeding: Floats = parameter("dimensionless")
    sleeve_death: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class SurgeryTreatment(Treatment):
    """The operation of each patient: early and late reduction of intake (kcal/d), gut, and risks."""

    day: float
    early: Floats
    late: Floats
    adaptation_time: Floats
    appetite: Floats
    incretin: Floats
    emptying: Floats
    risks: Risks

    def effects(self, day: float) -> Effects:
        """Lower intake and change the gut from the operation on."""
        if day < self.day:
            return NOTHING
        adapted = np.exp(-(day - self.day) / self.adaptation_time)
        reduced = (self.late + (self.early - self.late) * adapted).astype(np.float32)
        return Effects(
            restriction=reduced,
            appetite=self.appetite,
            incretin_response=self.incretin,
            gastric_emptying=self.emptying,
        )

    def procedures(self, day: float) -> Risks:
        """Return the risks of the operation on its day."""
        return self.risks if day == self.day else {}

    def is_taken(self, day: float) -> Flags:
        """Tell who has been operated by a day."""
        return np.full(self.late.shape, day >= self.day)

    def event_days(self) -> list[float]:
        """Return the day of the operation."""
        return [self.day]


@register
class BariatricSurgery(TherapySpec):
    """Gastric bypass (Roux-en-Y) or sleeve gastrectomy."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["bariatric_surgery"] = "bariatric_surgery"
    operation: Operation = "bypass"

    def build(self, enrolled: Enrolled) -> SurgeryTreatment:
        """Return the operation of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        of_operation = {
            name.removeprefix(f"{self.operation}_"): value for name, value in dataclasses.asdict(p).items()
        }
        needed = enrolled.draw("body_weight.maintenance") * enrolled.weight * p.response
        events = {"anastomotic_leak": "leak", "procedure_bleeding": "bleeding", "death": "death"}
        return SurgeryTreatment(
            day=self.start,
            early=(needed * of_operation["early"]).astype(np.float32),
            late=(needed * of_operation["late"]).astype(np.float32),
            adaptation_time=p.adaptation_time,
            appetite=1 - p.appetite_effect,
            incretin=of_operation["incretin"],
            emptying=of_operation["emptying"],
            risks={event: of_operation[name] for event, name in events.items()},
        )
