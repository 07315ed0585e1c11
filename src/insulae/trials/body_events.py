"""Adverse events that come from the simulated body itself, and deaths that no therapy explains.

Severe hypoglycemia (level 3): in proportion to the time below 54 mg/dL, where the brain lacks glucose
(ihsg2017), times a person's own susceptibility, which stands for awareness. Known: the rate among people with
type 1 diabetes and how unevenly it is spread (pedersen2004), to which both are fitted; a fifth to two fifths
of the time below 70 mg/dL is below 54 (lowtime2023). The time below 70 would also count what islets that
still answer bring: they shut before glucose falls further. Assumed: the same relation in type 2 diabetes and
off insulin.

Kidney failure: when estimated GFR falls below 15 mL/min/1.73 m2. Loss of a graft: when C-peptide of the
meal test falls below the limit of the Igls criteria after it had been above with a graft (landstra2021).
Sensitization: when antibodies against donor tissue meet a fifth of a panel or more (naziruddin2012), most
often after drugs were stopped; a laboratory that tests at every visit is assumed.
Deaths from other causes, when a study asks for them: the general population's rate (ssa2017) times a ratio
for the kind of diabetes (lind2014, tancredi2015). Not modelled: mortality that depends on
glucose or kidney function, awareness that returns when hypoglycemia is avoided.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from insulae.core.clock import DAYS_PER_YEAR
from insulae.core.life_table import death_rate
from insulae.core.parameters import component_of, parameter
from insulae.endpoints.base import Visit
from insulae.therapies.base import Enrolled, Flags, Floats, Treatment, drawn

BODY = "simulated body"
BACKGROUND = "background mortality"


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `body_events.*`."""

    severe_hypoglycemia_rate: Floats = parameter("1/d")
    susceptibility: Floats = parameter("dimensionless")
    kidney_failure_egfr: Floats = parameter("mL/min/1.73m2")
    graft_loss_c_peptide: Floats = parameter("pmol/L")
    sensitized_panel: Floats = parameter("dimensionless")
    mortality_ratio: Floats = parameter("dimensionless")


def parts_of(treatments: Mapping[str, Treatment]) -> Iterator[tuple[str, Treatment]]:
    """Yield every treatment that acts by itself, under the name by which events refer to it."""
    for kind, treatment in treatments.items():
        for part in treatment.parts():
            yield (kind if part is treatment else component_of(type(part))), part


class BodyEvents:
    """What may happen to the patients of one arm by themselves.

    Remembers who had a working graft, and who has antibodies against donor tissue.
    """

    def __init__(self, enrolled: Enrolled, has_background_mortality: bool) -> None:
        self.parameters: Parameters = drawn(Parameters, enrolled)
        self._enrolled, self._has_background = enrolled, has_background_mortality
        self._had_graft = np.zeros(enrolled.size, bool)
        self._is_sensitized = np.zeros(enrolled.size, bool)

    @property
    def size(self) -> int:
        """Number of patients."""
        return self._enrolled.size

    def rates(
        self, parts: Iterable[tuple[str, Treatment]], day: float, low_share: Floats
    ) -> Iterator[tuple[str, str, Floats]]:
        """Yield event, relation and yearly rate; `low_share` is the share of time below 54 mg/dL, `parts` are
        those of all treatments."""
        p = self.parameters
        rest = p.severe_hypoglycemia_rate * DAYS_PER_YEAR * low_share * p.susceptibility
        for name, part in parts:
            if part.sort == "insulin":
                taken = np.where(part.is_taken(day), rest, 0)
                rest = rest - taken
                yield "severe_hypoglycemia", name, taken
        yield "severe_hypoglycemia", BODY, rest
        if self._has_background:
            age = self._enrolled.age + day / DAYS_PER_YEAR
            yield "death", BACKGROUND, death_rate(age, self._enrolled.male) * p.mortality_ratio

    def in_kidney_failure(self, egfr: Floats) -> Flags:
        """Tell whose kidneys have failed."""
        return egfr < self.parameters.kidney_failure_egfr

    def lost_graft(self, visit: Visit) -> Flags:
        """Tell whose graft has stopped working since an earlier visit."""
        is_working = visit.meal_test_c_peptide.max(axis=1) >= self.parameters.graft_loss_c_peptide
        is_lost = self._had_graft & ~is_working
        self._had_graft = is_working & (self._had_graft | (visit.graft_mass > 0))
        return is_lost

    def sensitized(self, visit: Visit) -> Flags:
        """Tell who has antibodies against a panel of donors for the first time since enrollment."""
        has_now = visit.antibody_panel >= self.parameters.sensitized_panel
        is_new = has_now & ~self._is_sensitized & (visit.week > 0)
        self._is_sensitized = self._is_sensitized | has_now
        return is_new
