"""Error of every trial design without an effect, and coverage of every estimator, measured and written down.

`python -m calibration.trial_errors [REPLICATES] [designs] [estimators] [leaving]` runs each design on
outcomes made by hand, whose truth is known, and writes the tables into docs/trials.md. Nobody is simulated:
twenty thousand people with two outcomes under three arms, some of whom are lost. Every row draws its own
trials, so that rows do not share their luck. The figures take some minutes on one core.
"""

import dataclasses
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from insulae.trials.design import operating
from insulae.trials.design.designs import Parallel
from insulae.trials.design.estimators import NotEnoughPatients, estimate
from insulae.trials.design.null import null_scene
from insulae.trials.design.outcomes import Floats, Outcomes
from insulae.trials.design.protocol import OF_NUMBERS, OF_SHARES, OF_TIMES, TrialSpec
from insulae.trials.design.replicate import Scene
from insulae.trials.design.truth import truth
from insulae.trials.design.two_arms import randomized

PAGE = Path(__file__).parents[1] / "docs" / "trials.md"
PEOPLE, SEED = 20_000, 1
ARMS = ("care", "cells", "more cells")
WEEKS = np.array([0.0, 12.0, 26.0, 39.0, 52.0])
HBA1C, FREE = (0.0, -0.5, -0.6), (0.25, 0.5, 0.6)
LOST = {"dropout": "10 %/year", "missing_visits": "5 %", "visit_window": "7 days"}
DEATHS = PEOPLE // 50
SLOW = ("mmrm", "jump_to_reference", "copy_increments", "copy_reference")


def made() -> Outcomes:
    """Return outcomes of people under three arms; a few die under care."""
    draw = np.random.default_rng(SEED)
    base, own = draw.normal(8.5, 0.8, PEOPLE), draw.normal(0, 0.7, PEOPLE)
    # Who is easy to free of insulin has a lower HbA1c at enrollment: covariates then explain something.
    ease = np.argsort(np.argsort(base + draw.normal(0, 0.8, PEOPLE))) / PEOPLE
    when, luck = draw.random(PEOPLE), draw.random(PEOPLE)
    hba1c, free, serious, off = (np.empty((len(ARMS), PEOPLE, len(WEEKS))) for _ in range(4))
    rise = np.clip(WEEKS / 26, 0, 1)
    for a in range(len(ARMS)):
        hba1c[a] = base[:, None] + rise * (own + HBA1C[a])[:, None]
        week = np.where(ease < FREE[a], 8 + 36 * when, np.inf)
        off[a] = np.where(week[:, None] <= WEEKS, week[:, None], np.inf)
        free[a] = 100.0 * np.isfinite(off[a])
        serious[a] = (luck < 0.1 * (1 + a))[:, None] & (WEEKS >= 12)
    hba1c += draw.normal(0, 0.15, hba1c.shape)
    death = np.full((len(ARMS), PEOPLE), np.inf)
    dead = np.flatnonzero(~np.isfinite(off[0, :, -1]))[:DEATHS]
    death[0, dead] = 30.0
    for one in (hba1c, free, serious):
        one[0, dead, 3:] = np.nan
    values = {
        "hba1c": hba1c,
        "insulin_free": free,
        "serious_events": serious,
        "weeks_to_insulin_free": off,
        "fasting_glucose": 18.0 * hba1c,
    }
    return Outcomes(ARMS, WEEKS, values, death, np.arange(PEOPLE))


def in_turn() -> Outcomes:
    """Return people whose glucose is lower whenever they take the second treatment."""
    draw = np.random.default_rng(SEED)
    weeks = np.arange(0.0, 36.0, 4.0)
    own = draw.normal(150, 20, PEOPLE)[:, None] + 0.4 * weeks
    mine = draw.normal(-5, 4, PEOPLE)[:, None]
    glucose = np.empty((2, PEOPLE, len(weeks)))
    for k, order in enumerate(("ABAB", "BABA")):
        takes = np.array([False, *(order[int(np.ceil(week / 8)) - 1] == "B" for week in weeks[1:])])
        glucose[k] = own + takes * mine + draw.normal(0, 6, (PEOPLE, len(weeks)))
    values = {"fasting_glucose": glucose, "serious_events": np.zeros_like(glucose)}
    return Outcomes(("first", "second"), weeks, values, np.full((2, PEOPLE), np.inf), np.arange(PEOPLE))


TWO = {"control": "care", "active": "cells", "size": 80}
MANY: dict[str, Any] = {"control": "care", "actives": ["cells", "more cells"]}
NUMBER, SHARE = "hba1c", "insulin_free"
TIME = "weeks_to_insulin_free"
_GRAPH = {"weights": [0.5, 0.5], "graph": [[0, 1], [1, 0]]}
_PLATFORM = {"kind": "platform", **MANY, "enter_every": 40, "per_arm": 40}
_ADAPTIVE = {"kind": "response_adaptive", **MANY, "size": 120, "burn_in": 40}


@dataclasses.dataclass(frozen=True)
class Case:
    """A design, its primary endpoint, what it should err in (%), and what makes it err less."""

    name: str
    design: dict[str, Any]
    endpoint: str
    nominal: float = 2.5
    remark: str = ""
    fields: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])


CASES = (
    Case("parallel, number", {"kind": "parallel", **TWO, "strata": ["hba1c"]}, NUMBER, fields=LOST),
    Case("parallel, shares", {"kind": "parallel", **TWO}, SHARE, fields=LOST),
    Case(
        "parallel, time to event (log-rank)",
        {"kind": "parallel", **TWO},
        TIME,
        fields=LOST,
    ),
    Case(
        "parallel, time to event (Cox, adjusted)",
        {"kind": "parallel", **TWO},
        TIME,
        fields=LOST | {"covariates": [NUMBER], "estimator": "cox"},
    ),
    Case(
        "parallel, number, skeptical prior",
        {"kind": "parallel", **TWO},
        NUMBER,
        remark="Bayesian: a prior that expects nothing errs less and finds less",
        fields=LOST | {"prior": {"deviation": "0.5 %"}},
    ),
    Case(
        "parallel, enriched by a twin's prediction",
        {"kind": "parallel", **TWO},
        SHARE,
        remark="the half with the largest predicted benefit",
        fields=LOST | {"enrichment": {"best": "50 %"}},
    ),
    Case(
        "group-sequential, O'Brien and Fleming",
        {"kind": "group_sequential", **TWO, "looks": ["0.5", "0.75", "1"]},
        NUMBER,
        fields=LOST,
    ),
    Case(
        "group-sequential, Pocock",
        {"kind": "group_sequential", **TWO, "looks": ["0.5", "0.75", "1"], "spending": "pocock"},
        NUMBER,
        fields=LOST,
    ),
    Case(
        "group-sequential, time to event (log-rank)",
        {"kind": "group_sequential", **TWO, "size": 120, "looks": ["0.5", "0.75", "1"]},
        TIME,
        fields=LOST,
    ),
    Case(
        "group-sequential with futility",
        {"kind": "group_sequential", **TWO, "looks": ["0.5", "0.75", "1"], "futility": "10 %"},
        NUMBER,
        remark="futility is not binding: who stops for it cannot err",
        fields=LOST,
    ),
    Case(
        "single arm, exact",
        {"kind": "single_arm", "arm": "cells", "size": 40, "reference": "30 %"},
        SHARE,
        remark="an exact test of counts keeps below",
    ),
    Case(
        "single arm, Bayesian",
        {"kind": "single_arm", "arm": "cells", "size": 40, "reference": "30 %", "prior": ["0.3", "0.7"]},
        SHARE,
        remark="counts; beta prior worth one patient",
    ),
    Case(
        "single arm against a known curve (one-sample log-rank)",
        {"kind": "single_arm", "arm": "cells", "size": 40, "reference_arm": "care"},
        TIME,
        fields=LOST,
    ),
    Case(
        "single arm with sentinels, stopped for harm",
        {
            "kind": "single_arm",
            "arm": "cells",
            "size": 40,
            "reference": "30 %",
            "sentinel": {"patients": 2, "wait": "8 weeks"},
            "stopping": {"within": "12 weeks", "limit": "30 %"},
        },
        SHARE,
        remark="who stops for harm cannot err",
    ),
    Case(
        "Simon's two stages",
        {"kind": "simon", "arm": "cells", "reference": "30 %", "alternative": "50 %", "most": 60},
        SHARE,
        remark="exact, counts",
    ),
    Case("response-adaptive", _ADAPTIVE, SHARE, remark="limit found by simulating the null; any of two arms"),
    Case(
        "response-adaptive with predictive futility",
        _ADAPTIVE | {"futility": "5 %"},
        SHARE,
        remark="the same limit; futility is not binding",
    ),
    Case("platform, none", _PLATFORM, NUMBER, 5.0, "any of two arms, each at 2.5 %"),
    Case(
        "platform, Bonferroni",
        _PLATFORM | {"multiplicity": "bonferroni"},
        NUMBER,
        remark="arms share controls",
    ),
    Case("platform, Holm", _PLATFORM | {"multiplicity": "holm"}, NUMBER, remark="arms share controls"),
    Case("platform, Dunnett", _PLATFORM | {"multiplicity": "dunnett"}, NUMBER),
    Case(
        "platform, graphical",
        _PLATFORM | {"multiplicity": "graphical", **_GRAPH},
        NUMBER,
        remark="is Holm here",
    ),
    Case(
        "external control",
        {
            "kind": "external_control",
            "arm": "cells",
            "external": "care",
            "size": 40,
            "external_size": 120,
            "balance": ["hba1c"],
        },
        NUMBER,
        fields={"eligibility": [{"endpoint": "hba1c", "above": "8 %"}]},
    ),
    Case("run-in", {"kind": "run_in", "arm": "cells", "size": 20}, NUMBER),
    Case(
        "N-of-1, paired",
        {
            "kind": "n_of_1",
            "sequences": {"first": "ABAB", "second": "BABA"},
            "period": "8 weeks",
            "washout": "4 weeks",
            "size": 16,
        },
        "fasting_glucose",
    ),
    Case(
        "N-of-1, mixed",
        {
            "kind": "n_of_1",
            "sequences": {"first": "ABAB", "second": "BABA"},
            "period": "8 weeks",
            "washout": "4 weeks",
            "size": 16,
            "analysis": "mixed",
        },
        "fasting_glucose",
        fields={"missing_visits": "10 %"},
    ),
)


OF_ESTIMAND = ("estimator", "covariates", "prior")


def scene_of(case: Case, outcomes: Outcomes, times: int) -> Scene:
    """Return the scene of a case, primary endpoint at the last visit; its name decides its draws."""
    estimand = {"name": "primary", "endpoint": case.endpoint, "week": f"{outcomes.weeks[-1]:g} weeks"}
    estimand |= {name: case.fields[name] for name in OF_ESTIMAND if name in case.fields}
    spec = {
        "design": case.design,
        "enrolment": {"rate": "8 1/month"},
        "estimands": [estimand],
        "replicates": {"most": times},
        **{name: value for name, value in case.fields.items() if name not in OF_ESTIMAND},
    }
    return Scene.of(TrialSpec.model_validate(spec), outcomes, zlib.crc32(case.name.encode()))


def _unheard(done: int) -> None:
    """Hear of finished replicates where nobody watches."""


def share(values: list[bool]) -> str:
    """Write a share with its Monte Carlo error in percent."""
    found = float(np.mean(values))
    return f"{100 * found:.1f} ± {100 * operating.share_error(found, len(values)):.1f}"


def design_rows(times: int) -> Iterator[str]:
    """Yield a row for each design: error without an effect, nominal error, power."""
    people, turns = made(), in_turn()
    for case in CASES:
        scene = scene_of(case, turns if case.design["kind"] == "n_of_1" else people, times)
        nothing = null_scene(scene)
        assert nothing is not None
        limit = operating.success_limit(scene)
        wrong, right = (
            [one.is_success for one in operating.replicates(each, _unheard, operating.runner(each, limit))]
            for each in (nothing, scene)
        )
        yield f"| {case.name} | {case.nominal:g} | {share(wrong)} | {share(right)} | {case.remark} |"


ESTIMATORS = ((NUMBER, OF_NUMBERS), (SHARE, OF_SHARES), (TIME, OF_TIMES))
WORSE = {"when": {"endpoint": NUMBER, "above": "8.5 %"}, "rate": "60 %/year"}
LEAVING = {
    "at random, all alike": {"dropout": "30 %/year"},
    "above 8.5 % at the last visit": {"departures": [WORSE]},
    "above 8.5 % at the next visit": {"departures": [WORSE | {"by": "next visit"}]},
}
"""Ways to leave, all of which lose about a third of the patients of an arm."""


def estimator_rows(times: int) -> Iterator[str]:
    """Yield a row for each estimator: bias, coverage, error without an effect, in parallel trials."""
    people = made()
    for endpoint, names in ESTIMATORS:
        for name in names:
            n = max(times // 5, 20) if name in SLOW else times
            fields = LOST | {"estimator": name}
            case = Case(name, {"kind": "parallel", **TWO, "size": 120}, endpoint, fields=fields)
            scene = scene_of(case, people, n)
            nothing = null_scene(scene)
            assert nothing is not None
            _, _, wrong = _found(nothing, 0.0, n)
            yield f"| {name} | {scene.spec.primary.unit()} | {_told_of(scene, n)} | {share(wrong)} |"


def leaving_rows(times: int) -> Iterator[str]:
    """Yield a row for each way to leave and each estimator of a number: bias and coverage."""
    people = made()
    for words, fields in LEAVING.items():
        for name in ("ancova", "mmrm"):
            n = max(times // 5, 20) if name in SLOW else times
            case = Case(
                words, {"kind": "parallel", **TWO, "size": 120}, NUMBER, fields=fields | {"estimator": name}
            )
            yield f"| {words} | {name} | {_told_of(scene_of(case, people, n), n)} |"


def _told_of(scene: Scene, times: int) -> str:
    """Return truth, bias and coverage as cells of a row."""
    known = truth(scene.spec, scene.spec.primary, scene.entering, ("care", "cells")).difference
    assert known is not None
    effect, covered, _ = _found(scene, known, times)
    error = effect.std(ddof=1) / np.sqrt(len(effect))
    return f"{known:.3f} | {effect.mean() - known:+.3f} ± {error:.3f} | {share(covered)}"


def _found(scene: Scene, known: float, times: int) -> tuple[Floats, list[bool], list[bool]]:
    design = scene.spec.design
    assert isinstance(design, Parallel)
    active = scene.outcomes.arm("cells")
    effects, covered, rejected = list[float](), list[bool](), list[bool]()
    for replicate in range(times):
        draws = scene.draws(replicate)
        data, _ = randomized(scene, design, draws)
        try:
            found = estimate(scene.spec.primary, data, active, draws)
        except NotEnoughPatients:
            continue
        low, high = found.interval()
        effects.append(found.effect)
        covered.append(low <= known <= high)
        rejected.append(found.p <= scene.spec.alpha / 100)
    return np.array(effects), covered, rejected


def _told(rows: Iterator[str]) -> list[str]:
    """Return rows and print each as it is found."""
    found = list[str]()
    for row in rows:
        print(row, flush=True)
        found.append(row)
    return found


@dataclasses.dataclass(frozen=True)
class Block:
    """A table of the page: what makes its rows, and its head."""

    rows: Callable[[int], Iterator[str]]
    head: tuple[str, str]


BLOCKS = {
    "designs": Block(
        design_rows,
        (
            "| design | nominal | success without an effect | success with it | remark |",
            "|---|---|---|---|---|",
        ),
    ),
    "estimators": Block(
        estimator_rows,
        (
            "| estimator, 120 patients | unit | truth | bias | coverage of 95 % | error, 5 nominal |",
            "|---|---|---|---|---|---|",
        ),
    ),
    "leaving": Block(
        leaving_rows,
        (
            "| who leaves, ways to lose a third | estimator | truth, % | bias | coverage of 95 % |",
            "|---|---|---|---|---|",
        ),
    ),
}


def written(page: str, name: str, times: int) -> str:
    """Return the page with a table measured anew, between the marks of its name."""
    start = time.process_time()
    rows = _told(BLOCKS[name].rows(times))
    seconds = time.process_time() - start
    caption = f"`python -m calibration.trial_errors {times} {name}` wrote this in {seconds:.0f} s of "
    caption += f"processor time: {times} replicates"
    if name != "designs":
        caption += f", a fifth for {', '.join(SLOW)}"
    lines = [f"{caption}; percent ± Monte Carlo standard error.", "", *BLOCKS[name].head, *rows]
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin, 1)
    return "\n".join([before + begin, *lines, end]) + rest.split(end, 1)[1]


def main() -> None:
    """Measure the tables that are named, or all, and write each into the page as it is found."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for name in sys.argv[2:] or BLOCKS:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), name, times), encoding="utf-8")


if __name__ == "__main__":
    main()
