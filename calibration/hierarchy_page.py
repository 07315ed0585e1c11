"""The page of the fast model's population: docs/fast_fit.md and its figure."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from twins.page import Check

from calibration.hierarchy_check import Band
from calibration.hierarchy_fit import Drawn, Floats, Turned
from calibration.hierarchy_people import CLASSES, KINDS, MINUTES, NAMES, STUDIES
from calibration.hierarchy_population import COVARIATES, N_OWN, PRIORS
from insulae.core.parameters import value

DOCS = Path(__file__).parents[1] / "docs"
FIGURE = DOCS / "figures" / "fast_fit.png"
HELD = 1e-9
"""Standard deviation of draws below which a value was held."""
EXCHANGE = ("plasma_to_tissue_rate", "tissue_to_plasma_rate")
UNITS = {"glucose": "mg/dL", "insulin": "pmol/L", "c_peptide": "pmol/L"}
TOP = """# The fast model, fitted to individual glucose tests

Simulated. Not medical advice.

`python -m calibration.hierarchy --data DIR --clamps --write` made this page (docs/decisions/0029 says how):
{number} people who drank 75 g of glucose, 82 of Kobe (glucose, insulin, C-peptide; ohashi2018) and the rest
of Vanderbilt (glucose, insulin), by class NGT, IGT and type 2 diabetes and body mass index. Means, spreads
and correlations of ten quantities, the rate at which a drink appears, and the sizes of errors
have a joint posterior (numpyro, NUTS). No clamp and no value of validation/ enters. With `--keep FOLDER` the
stages are kept, and a run that was broken off goes on.

## Diagnostics

| what | value |
|---|---|
{diagnostics}

Shrinkage is the share of the spread between people that their own most probable values lack: near 100 % the
test says nothing of this quantity of one person, and its spread rests on the prior and on what others show.

## The population

Means are those of NGT at 24 kg/m2, with the relative standard error. `kept` is how much of the prior's
standard deviation is left: near 1 the tests say nothing of the mean, and the table's value stands.

| quantity | table | mean (s.e.) | kept | IGT | type 2 | exponent of BMI | spread (95 %) | shrinkage |
|---|---|---|---|---|---|---|---|---|
{rows}

Errors, as a share of the value and correlated over {time:.0f} min within a test: glucose {error[0]},
insulin {error[1]}, C-peptide {error[2]}. Insulin of Vanderbilt reads {assay} of what the same body would
show in Kobe: two assays, or a difference of the people that the model lays to nothing else.

Correlations between people, given class and body mass index, whose 95 % interval leaves out zero:

| first | second | correlation (95 %) |
|---|---|---|
{correlations}

## What the table took, and what not

Taken: the rate at which a drink appears (`absorption.drink_emptying`; what tracers say, 0.182 with 16 %, is
its prior), the spreads of the glucose of half secretion, of hepatic sensitivity (0.45), of the first
phase and of the incretin gain (0.45 both: these hold three classes at once, so the spread of the first phase
is that of clamps in people with normal tolerance, and that of the incretin gain is near the lower end of its
interval), and the correlation of half-glucose with secretory capacity (0.54 in the fit before the drink
changed, whose interval left out zero). Doubts of values that came from here are in `tables/doubts.csv`.

Not taken, because something else speaks against it or nothing decides:

* the spread of peripheral sensitivity. The tests ask for twice the 0.30 of the table; the clamps of the
  same 82 people, less class and body mass index, have 0.33, errors included. The model lays to
  sensitivity what is something else.
* the glucose of half secretion and the capacity, both lower than in the table in every version of the
  fit (128 to 136 mg/dL, two thirds to three quarters of 17.5 pmol/kg/min). Secretion in the
  hyperglycemic clamps of POLONSKY1988 says the same. With them drugs that act on secretion lower HbA1c
  by a third more than in their trials, so all of them would have to be fitted again, and grafted
  islets, which follow the same law. What a kilogram of weight does to HbA1c would nearly double
  (docs/decisions/0046).
* the exponent of body mass index. The table has -1.5, between this fit and a clamp study of 1146
  people, which asks for about -2 (docs/decisions/0039); the clamps of Kobe have -1.1 for what is
  measured, of which uptake that saturates hides more than half. Resistance of IGT
  at the same body mass index, and how capacity goes with sensitivity, were taken; that of type 2 diabetes is
  set by fasting insulin of a national sample, with this fit as a second opinion (docs/decisions/0046).
* extraction by the liver of 0.88. Beside C-peptide, insulin in Kobe is low after a drink and high in
  the clamp: a high extraction and a slow clearance explain both. In the table it would raise secretion
  above what POLONSKY1988 measured at rest.
* exchange of glucose between plasma and tissue. Left free it rises fourfold and both pools become one, so
  clamps decide it (docs/decisions/0043); held here at {exchange} per minute.
* the spread of gastric emptying, which is 0.27 in the table from the fit before the drink changed and
  governs meals too.
* most correlations: those with capacity are what holds glucose where it is, which in a virtual person
  follows from the HbA1c.

## New people beside those measured

Populations are drawn from the posterior, new people from them, their tests from the equations. Median (5th
to 95th percentile), and the share of those measured inside the simulated 90 %.

![Tests of new people beside those measured](figures/fast_fit.png)

| who | quantity | minute | seen | simulated | inside |
|---|---|---|---|---|---|
{bands}

## Where the model cannot follow

Mean of measured over predicted (%) at 0, 30, 60, 90 and 120 minutes with everybody's own most probable
values; what is left here no choice of the ten quantities explains.

| who | quantity | 0 | 30 | 60 | 90 | 120 |
|---|---|---|---|---|---|---|
{misses}

## Clamps foreseen from the glucose test

The population above is the prior, each person's own glucose test narrows it, the clamp of the same person
is predicted. No clamp was fitted.

| what | wanted | found | |
|---|---|---|---|
{clamps}
"""


@dataclasses.dataclass(frozen=True)
class Found:
    """Everything that the page shows."""

    number: int
    turned: Turned
    drawn: Drawn
    shrinkage: Floats
    bands: Sequence[Band]
    misses: dict[tuple[str, str, str], Floats]
    clamps: Sequence[Check]
    weights: Floats
    time: float


def _interval(draws: Floats, digits: int = 2) -> str:
    middle, low, high = np.percentile(draws, [50, 2.5, 97.5])
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _diagnostics(f: Found) -> list[tuple[str, str]]:
    r_hat = {n: float(np.nanmax(v)) for n, v in f.drawn.r_hat.items()}
    free = {n: f.drawn.values[n].std(axis=0) > HELD for n in f.drawn.effective}
    fewest = {n: float(np.min(v[free[n]])) for n, v in f.drawn.effective.items()}
    worst, scarce = max(r_hat, key=lambda n: r_hat[n]), min(fewest, key=lambda n: fewest[n])
    return [
        ("largest R-hat", f"{r_hat[worst]:.3f} ({worst})"),
        ("smallest effective sample size", f"{fewest[scarce]:.0f} ({scarce})"),
        ("divergences", f"{f.drawn.divergences} of {len(f.drawn.values['assay'])} draws"),
        ("chains", f"{f.drawn.chains}"),
        ("move of a mean in the last turn, largest", f"{f.turned.moved:.3f}"),
        (
            "draws of one person that stay effective when the Gaussian of the tangent is weighed by the "
            "equations, median of people",
            f"{100 * float(np.median(f.weights)):.0f} %",
        ),
    ]


def _row(f: Found, place: int) -> str:
    name, b = NAMES[place], f.drawn.values["coefficients"][:, :, place]
    prior = PRIORS[name]
    mean = np.exp(b[:, 0])
    cells = [name, f"{prior.center:.3g}", f"{np.mean(mean):.3g} ({100 * b[:, 0].std():.0f} %)"]
    cells.append(f"{b[:, 0].std() / prior.mean:.2f}" if prior.mean else "held")
    for column, width in zip((1, 2, 3), (prior.by_class, prior.by_class, prior.by_bmi), strict=True):
        shown = np.exp(b[:, column]) if column < len(COVARIATES) - 1 else b[:, column]
        cells.append(_interval(shown) if width else "")
    own = place < N_OWN
    cells.append(_interval(f.drawn.values["spread"][:, place]) if own else "shared")
    cells.append(f"{f.shrinkage[place]:.0f} %" if own else "")
    return f"| {' | '.join(cells)} |"


def strong(drawn: Drawn) -> list[tuple[str, str, Floats]]:
    """Return pairs of quantities whose correlation's 95 % interval leaves out zero, with its draws."""
    found = []
    for i in range(N_OWN):
        for j in range(i):
            draws = drawn.values["correlation"][:, i, j]
            low, high = np.percentile(draws, [2.5, 97.5])
            if low * high > 0:
                found.append((NAMES[j], NAMES[i], draws))
    return found


def _percentiles(values: Floats) -> str:
    return f"{values[1]:.0f} ({values[0]:.0f} to {values[2]:.0f})"


def text(f: Found) -> str:
    """Return the page."""
    error = [_interval(100 * f.drawn.values["error"][:, k], 0) + " %" for k in range(len(KINDS))]
    correlations = [f"| {a} | {b} | {_interval(draws)} |" for a, b, draws in strong(f.drawn)]
    shown = [
        f"| {b.study}, {b.phenotype} | {b.kind} | {b.minute:.0f} | {_percentiles(b.seen)} "
        f"| {_percentiles(b.simulated)} | {b.inside:.0f} % |"
        for b in f.bands
    ]
    misses = [
        f"| {study}, {phenotype} | {kind} | {' | '.join(f'{v:+.0f}' for v in values)} |"
        for (study, phenotype, kind), values in f.misses.items()
    ]
    judged = {True: "met", False: "missed", None: ""}
    return TOP.format(
        number=f.number,
        diagnostics="\n".join(f"| {a} | {b} |" for a, b in _diagnostics(f)),
        rows="\n".join(_row(f, place) for place in range(len(NAMES))),
        time=f.time,
        exchange=" and ".join(f"{value(f'glucose.{name}'):g}" for name in EXCHANGE),
        error=error,
        assay=_interval(np.exp(f.drawn.values["assay"])),
        correlations="\n".join(correlations),
        bands="\n".join(shown),
        misses="\n".join(misses),
        clamps="\n".join(f"| {a} | {b} | {c} | {judged[d]} |" for a, b, c, d in f.clamps),
    )


def write_page(f: Found) -> None:
    """Write the page and its figure."""
    (DOCS / "fast_fit.md").write_text(text(f), encoding="utf-8")
    groups = [(study, phenotype) for study in STUDIES for phenotype in CLASSES]
    figure, axes = plt.subplots(len(KINDS), len(groups), figsize=(15, 7), squeeze=False, sharex=True)
    for row, kind in enumerate(KINDS):
        for column, (study, phenotype) in enumerate(groups):
            axis = axes[row, column]
            mine = [b for b in f.bands if (b.study, b.phenotype, b.kind) == (study, phenotype, kind)]
            if len(mine) < len(MINUTES):
                axis.set_axis_off()
                continue
            low, middle, high = np.array([b.simulated for b in mine]).T
            axis.fill_between(MINUTES, low, high, color="#0072b2", alpha=0.2, linewidth=0)
            axis.plot(MINUTES, middle, color="#0072b2", label="simulated")
            seen = np.array([b.seen for b in mine]).T
            ends = np.abs(seen[[0, 2]] - seen[1])
            axis.errorbar(MINUTES, seen[1], ends, fmt="o", color="#333333", markersize=4, label="seen")
            axis.set_ylim(bottom=0)
            axis.set_title(f"{study}, {phenotype}", fontsize=8)
            axis.set_ylabel(f"{kind.replace('_', '-')}, {UNITS[kind]}", fontsize=8)
            axis.set_xlabel("minutes", fontsize=8)
            axis.tick_params(labelsize=7)
    axes[0, 0].legend(fontsize=7)
    figure.suptitle(
        "Median and middle 90 % of people after 75 g of glucose. Simulated, not medical advice.", fontsize=10
    )
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(FIGURE, dpi=80)
    plt.close(figure)
