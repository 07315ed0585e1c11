"""How the fits are repeated without a study: `insulae validate --leave-out` uses REFITS and NOT_REFITTED.

A drug's effects are fitted anew to all other trials of the drug in `calibration/drug_trials.csv`, those that
the fit of the table left for the test included; donor islets to the targets that remain.
"""

from collections.abc import Callable, Mapping

from calibration import drugs, islets
from calibration.fitting import fit

Values = Mapping[str, float]
EVALUATIONS = 5
SIZE = 64


def without_trial(name: str, *trials: str) -> Callable[[], Values]:
    """Return a fit of a drug to all its trials but some; five years of failures take too long."""

    def refit() -> Values:
        asked = [r for r in drugs.readings(name) if r.trial not in trials and r.measure != "failed"]
        targets = [reading.target for reading in asked]
        return fit(
            drugs.ORDER[name], targets, lambda values: drugs.predicted(asked, values, SIZE), EVALUATIONS
        ).values

    return refit


def without_source(source: str) -> Callable[[], Values]:
    """Return a fit of donor islets to the targets of all sources but one."""

    def refit() -> Values:
        kept = [place for place, target in enumerate(islets.TARGETS) if target.source != source]
        targets = [islets.TARGETS[place] for place in kept]

        def model(values: Values) -> list[float]:
            found = list(islets.model(values))
            return [found[place] for place in kept]

        return fit(islets.NAMES, targets, model, evaluations=4, step=0.2).values

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
    "EDM2005": without_source("ryan2005"),
    "CITR2012": without_source("barton2012"),
}

NOT_REFITTED: dict[str, str] = {
    "EDM2022": "only an earlier fit saw it",
    "UKPDS13": "the loss of beta cells was fitted to its trial alone",
    "UKPDS16": "the loss of beta cells was fitted to its trial alone",
    "UKPDS49": "the loss of beta cells was fitted to its trial alone",
    "ADOPT": "weight at one year is the only source of the energy effects of three drugs",
    "STEP2": "the effort behind advice on diet was set by its placebo arm alone",
    "VANDELAAR2005": "the only other trial of acarbose is recalled",
    "SUSTAIN7": "nothing else tells how strong dulaglutide is",
    "HOLMAN2007": "nothing else tells the weight on premixed insulin",
    "DIRECT": "the weight-loss programme was fitted to it alone",
    "ARTERBURN2021": "weight after surgery was fitted to it alone",
    "PEDERSEN2004": "severe hypoglycemia was fitted to it alone",
    "TITR2024_T1D": "the lability of type 1 diabetes was fitted to it alone",
    "ORBAN2014": "the loss to autoimmunity was fitted to it alone",
    "FORWARD2025": "the stem-cell product was fitted to it alone",
    "EDM_EGFR": "the kidney harm of tacrolimus was taken from it alone",
    "SOREG": "without it nothing tells how recovery after surgery depends on duration",
    "SHAH2019": "gastric emptying of solids and lability were fitted to it alone",
    "POLONSKY1988": "insulin action of health was fitted to it alone, before this repository",
}
