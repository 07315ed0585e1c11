"""How the fits are repeated without a study: `insulae validate --leave-out` uses REFITS and NOT_REFITTED.

A drug's effects are fitted anew to all other trials of the drug in `calibration/drug_trials.csv`, those that
the fit of the table left for the test included; the other fits to the targets that remain. UKPDS16 and
UKPDS49 are one trial: each is predicted from other years of the same people, the first six and nine. Of
acarbose the other trial is recalled. Without the registry of surgery hardly anything tells how recovery
depends on duration, so that refit may stay where it begins in that respect.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration import decline, drugs, islets, remission
from calibration.fitting import Target, fit

Values = Mapping[str, float]
EVALUATIONS = 3
SIZE, LATEST = 64, 104.0
"""Simulated people of a trial of a drug, and the last week of a trial that is used."""
FOLDER = Path(drugs.__file__).parent
RESTS_ON = tuple(
    FOLDER / name
    for name in (
        *("decline.py", "drug_trials.csv", "drugs.py", "fitting.py", "islets.py", "kilogram.py"),
        *("remission.py", "simulated.py"),
    )
)
"""Files by whose change the fits are repeated."""


def without_trial(name: str, *trials: str) -> Callable[[], Values]:
    """Return a fit of a drug to all its trials but some; courses of years take too long.

    What it does to weight is fitted where the weight of another trial is known.
    """

    def refit() -> Values:
        asked = [r for r in drugs.readings(name) if r.trial not in trials and r.week <= LATEST]
        weighed = any(r.endpoint == "body_weight" for r in asked)
        names = [n for n in drugs.ORDER[name] if weighed or "energy" not in n]
        targets = [reading.target for reading in asked]
        return fit(names, targets, lambda values: drugs.predicted(asked, values, SIZE), EVALUATIONS).values

    return refit


def without_source(source: str) -> Callable[[], Values]:
    """Return a fit of donor islets to the targets of all sources but one."""
    return _refit(islets.NAMES, islets.TARGETS, islets.model, {source}, evaluations=2, step=0.2)


def lost_without(source: str) -> Callable[[], Values]:
    """Return a fit of the loss of beta cells without one report of the UKPDS; its spread stays."""
    names = (decline.DECLINE, decline.DEATH)
    how: dict[str, Any] = {"evaluations": 3, "step": 0.3, "population": "type2"}
    return _refit(names, decline.TARGETS, decline.model, {source}, **how)


def recovery_without(*sources: str) -> Callable[[], Values]:
    """Return a fit of what fat takes and how fast that becomes lasting, without some sources."""
    return _refit(remission.NAMES, remission.TARGETS, remission.model, set(sources), evaluations=2, step=0.2)


def _refit(
    names: Sequence[str],
    targets: Sequence[Target],
    model: Callable[[Values], Sequence[float]],
    without: set[str],
    **how: Any,
) -> Callable[[], Values]:
    places = [place for place, target in enumerate(targets) if target.source not in without]

    def refit() -> Values:
        def remaining(values: Values) -> list[float]:
            found = list(model(values))
            return [found[place] for place in places]

        return fit(names, [targets[place] for place in places], remaining, **how).values

    return refit


REFITS: dict[str, Callable[[], Values]] = {
    "ASCHNER2006": without_trial("dpp4_inhibitor", "Aschner 2006", "Aschner 2006 high"),
    "EMPA_MONO": without_trial("sglt2_inhibitor", "Roden 2013"),
    "SUSTAIN1": without_trial("glp1_agonist", "SUSTAIN-1"),
    "SUSTAIN10": without_trial("liraglutide", "SUSTAIN-10"),
    "SURPASS1": without_trial("tirzepatide", "SURPASS-1"),
    "BAJAJ2003": without_trial("pioglitazone", "Bajaj 2003"),
    "HIRST2012": without_trial("metformin", "Hirst 2012"),
    "HIRST2013": without_trial("sulfonylurea", "Hirst 2013", "Hirst 2013 add-on"),
    "VANDELAAR2005": without_trial("acarbose", "van de Laar 2005"),
    "UKPDS16": lost_without("ukpds16"),
    "UKPDS49": lost_without("turner1999"),
    "SOREG": recovery_without("jans2019"),
    "DIRECT": recovery_without("lean2024", "zhyzhneuskaya2020"),
    "EDM2005": without_source("ryan2005"),
    "CITR2012": without_source("barton2012"),
}

ONLY = {"DIRECT": ("remission",), "VANDELAAR2005": ("hba1c",)}
"""Endpoints that a refit concerns; the weight of these was fitted to the study alone."""

NOT_REFITTED: dict[str, str] = {
    "EDM2022": "only an earlier fit saw it",
    "UKPDS13": "its numbers are of the people of UKPDS16 at three years, between the two that are fitted",
    "ADOPT": "weight at one year is the only source of the energy effects of three drugs",
    "STEP2": "the effort behind advice on diet was set by its placebo arm alone",
    "SUSTAIN7": "nothing else tells how strong dulaglutide is",
    "HOLMAN2007": "nothing else tells the weight on premixed insulin",
    "ARTERBURN2021": "weight after surgery was fitted to it alone",
    "PEDERSEN2004": "severe hypoglycemia was fitted to it alone",
    "TITR2024_T1D": "the lability of type 1 diabetes was fitted to it alone",
    "ORBAN2014": "the loss to autoimmunity was fitted to it alone",
    "FORWARD2025": "the stem-cell product was fitted to it alone",
    "EDM_EGFR": "the kidney harm of tacrolimus was taken from it alone",
    "SHAH2019": "gastric emptying of solids and lability were fitted to it alone",
    "POLONSKY1988": "insulin action of health was fitted to it alone, before this repository",
}
