"""The page of the predictive checks: docs/populations.md and its figure."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from calibration.checks import LABELS, Check, interval, is_logarithmic
from insulae.core.phenotypes import phenotypes

DOCS = Path(__file__).parents[1] / "docs"
FIGURE = DOCS / "figures" / "populations.png"
COLUMNS = 6
COLORS = {"seen": "#333333", "simulated": "#0072b2"}
TOP = """# Virtual populations

Simulated. Not medical advice.

Who is who is written in a table (`insulae show phenotypes`), by consensus criteria where there are any:

| phenotype | who | criteria |
|---|---|---|
{phenotypes}

Traits (age, sex, height, weight, duration, HbA1c, insulin dose, eGFR) are drawn with their correlations;
most of these were estimated from data (`python -m calibration.correlations --data DIR`, rows with n and
interval in `tables/correlations.csv`). What the body must be like to show the drawn HbA1c on the stated
treatment is solved. A cohort like that of a trial is chosen from more candidates: `population.baseline` and
`population.eligibility` (docs/decisions/0018).

## Against people

`python -m calibration.checks --data DIR --size {size} --write` made this page. For each data set and class
{size} people were recruited with the mean and standard deviation of age, body mass index and, where it is
known, HbA1c of the data (the means alone where hardly any candidate is like that); nothing below was given.
Glucose and C-peptide are read once, with the errors of readings at visits, and of the simulated people those
are compared who belong to the class by the readings that made the class of the data.
HbA1c stands for people of whom age and body mass index alone were given.
Distance: Wasserstein's, in standard deviations of the data (of logarithms for all but glucose, HbA1c and
sensors); in brackets that of Kolmogorov and Smirnov. Largest first; half of the {count} distances are below
{median:.2f}. By class and quantity:

| quantity | healthy | prediabetes | type2 | type2_insulin |
|---|---|---|---|---|
{classes}

What to know of the data: NHANES diabetes is treated with more than the metformin that is simulated; its
insulin assays changed between cycles; classes rest on one test. HbA1c is not known in Kobe, Vanderbilt and
the oral tests of NHANES, so the simulated classes have the HbA1c of the phenotype there: the diabetes of
Kobe is milder. Where nothing could be matched, the phenotype holds nobody like the people of the data
(heavier people without dysglycemia, Vanderbilt). Sensors: {sensors}

![Distribution functions of what was seen and what was simulated](figures/populations.png)

| distance | class | quantity | seen, median (5-95 %) | simulated, median (5-95 %) | data |
|---|---|---|---|---|---|
{rows}
"""


def write_page(found: Sequence[Check], size: int) -> None:
    """Write the page and the figure."""
    ordered = sorted(found, key=lambda check: -check.wasserstein)
    text = TOP.format(
        phenotypes="\n".join(f"| {p.name} | {p.label} | {p.criteria} |" for p in phenotypes().values()),
        size=size,
        count=len(found),
        median=np.median([one.wasserstein for one in found]),
        classes="\n".join(_by_class(found)),
        sensors=SENSORS,
        rows="\n".join(_row(one) for one in ordered),
    )
    (DOCS / "populations.md").write_text(text, encoding="utf-8")
    _draw(ordered)


SENSORS = """people of Hall 2018 and of BIG IDEAs (HbA1c 5.2 to 6.4 %)
stand with prediabetes, nothing else is known of each. Of those of Shanghai age, body mass index and mean
glucose are matched (as the HbA1c that belongs to it; the measured one is of weeks of other care); they are
simulated on metformin, with basal and meal insulin where they injected any. No recording of people without
dysglycemia is at hand. The glucose of a wearer of a sensor errs with the sensor, in both."""


def _by_class(found: Sequence[Check]) -> Iterator[str]:
    """Return the mean distance of each quantity by class as rows."""
    for quantity, label in LABELS.items():
        cells: list[str] = []
        for phenotype in ("healthy", "prediabetes", "type2", "type2_insulin"):
            own = [c.wasserstein for c in found if (c.quantity, c.phenotype) == (quantity, phenotype)]
            cells.append(f"{np.mean(own):.2f} ({len(own)})" if own else "")
        yield f"| {label} | {' | '.join(cells)} |"


def _row(one: Check) -> str:
    distance = f"{one.wasserstein:.2f} ({one.kolmogorov:.2f})"
    cells = [
        distance,
        one.phenotype,
        LABELS[one.quantity],
        interval(one.seen),
        interval(one.simulated),
        one.sample,
    ]
    return f"| {' | '.join(cells)} |"


def _draw(found: Sequence[Check]) -> None:
    lines = -(-len(found) // COLUMNS)
    figure, axes = plt.subplots(lines, COLUMNS, figsize=(2.9 * COLUMNS, 2.3 * lines), squeeze=False)
    for axis, one in zip(axes.flat, found, strict=False):
        for name in ("seen", "simulated"):
            values = np.sort(getattr(one, name))
            axis.plot(values, np.arange(1, len(values) + 1) / len(values), color=COLORS[name], label=name)
        axis.set_xlim(*np.quantile(np.concatenate([one.seen, one.simulated]), [0.005, 0.995]))
        if is_logarithmic(one.quantity):
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(FormatStrFormatter("%g"))
            axis.xaxis.set_minor_locator(NullLocator())
        axis.set_title(f"{one.phenotype}, {one.wasserstein:.2f}\n{one.sample}", fontsize=7)
        axis.set_xlabel(LABELS[one.quantity], fontsize=7)
        axis.tick_params(labelsize=6, which="both")
    for axis in list(axes.flat)[len(found) :]:
        axis.set_axis_off()
    axes[0, 0].legend(fontsize=7)
    figure.suptitle("Share of people at or below a value. Simulated, not medical advice.", fontsize=10)
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    figure.savefig(FIGURE, dpi=80)
    plt.close(figure)
