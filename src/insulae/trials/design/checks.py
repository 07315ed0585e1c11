"""What must agree between the trial of a study file and its arms, visits and endpoints."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.errors import InvalidQuantity
from insulae.core.registry import nearest
from insulae.trials.design import designs
from insulae.trials.design.protocol import DEATH, Enrichment, Estimand, TrialSpec
from insulae.trials.design.variables import measured, names

NUMBER_DESIGNS = (designs.RunIn, designs.NOf1)
_ROUNDING = 1e-9
YES_NO_DESIGNS = (designs.TwoStageDesign, designs.ResponseAdaptive)
TWO_ARM_DESIGNS = (designs.Parallel, designs.GroupSequential)


def trial_mistakes(spec: TrialSpec, arms: Sequence[str], days: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Yield (path, sentence) for everything that cannot be right."""
    known = names()
    for name in spec.design.arm_names():
        if name not in arms:
            yield "trial.design", f"the study has no arm '{name}'; {nearest(name, arms)}"
    unknown = sorted(spec.endpoint_names() - set(known))
    for name in unknown:
        yield "trial", f"unknown endpoint '{name}'; {nearest(name, known)}"
    yield from _intercurrent(spec, arms, days)
    yield from _enrichment_arms(spec, arms, days)
    if unknown:
        return
    yield from _people(spec)
    for i, estimand in enumerate(spec.estimands):
        yield from _estimand(f"trial.estimands.{i}", estimand, spec, days)
    if isinstance(spec.design, designs.SingleArm):
        yield from _single_arm(spec, spec.design)
    elif isinstance(spec.design, YES_NO_DESIGNS) and not spec.primary.is_yes_no():
        possible = ", ".join(name for name in known if measured(name).kind == "yes_no")
        yield (
            "trial.estimands.0.endpoint",
            f"a {spec.design.kind} trial needs a yes or no; choose one of {possible}",
        )
    if isinstance(spec.design, NUMBER_DESIGNS) and measured(spec.primary.endpoint).kind != "number":
        yield (
            "trial.estimands.0.endpoint",
            f"a {spec.design.kind} trial needs a number, of which differences are taken",
        )
    if isinstance(spec.design, designs.ExternalControl) and (
        (spec.design.external_size is None) == (spec.design.patients is None)
    ):
        yield (
            "trial.design",
            "external patients are simulated (external_size: how many) or real (patients: a file); "
            "say one of both",
        )
    if isinstance(spec.design, designs.ExternalControl) and spec.primary.is_time():
        yield (
            "trial.estimands.0.endpoint",
            "an external_control trial compares means; choose a number or a yes or no",
        )
    yield from _design(spec)


def _design(spec: TrialSpec) -> Iterator[tuple[str, str]]:
    design = spec.design
    if isinstance(design, designs.GroupSequential):
        rises = all(a < b for a, b in zip(design.looks, design.looks[1:], strict=False))
        if not rises or design.looks[-1] != 1:
            yield "trial.design.looks", "looks must rise, and the last must be 1"
    if isinstance(design, designs.DoseEscalation) and design.rule == "crm":
        s = design.skeleton
        if len(s) != len(design.doses) or any(a >= b for a, b in itertools.pairwise(s)):
            yield "trial.design.skeleton", f"crm needs {len(design.doses)} rising shares, one for each dose"
    if isinstance(design, designs.Platform):
        yield from _platform(design)
    if isinstance(design, designs.NOf1):
        yield from _n_of_1(design)
    if isinstance(design, designs.TwoStageDesign) and design.alternative <= design.reference:
        yield "trial.design.alternative", "must be above the reference"


def _single_arm(spec: TrialSpec, design: designs.SingleArm) -> Iterator[tuple[str, str]]:
    primary, path = spec.primary, "trial.design"
    if primary.is_yes_no():
        if design.reference is None:
            yield f"{path}.reference", "a yes or no needs the share that is not good enough, like 30 %"
        if design.reference_arm is not None:
            yield f"{path}.reference_arm", "belongs to the time to an event; a yes or no has a reference"
    elif primary.is_time():
        if design.reference_arm is None:
            yield f"{path}.reference_arm", "the time to an event needs the arm whose curve is the reference"
        for field in ("reference", "prior"):
            if getattr(design, field) is not None:
                yield f"{path}.{field}", "belongs to a yes or no; the time to an event has a reference_arm"
    else:
        yield "trial.estimands.0.endpoint", "a single_arm trial needs a yes or no, or the time to an event"


def _enrichment_arms(spec: TrialSpec, arms: Sequence[str], days: Sequence[int]) -> Iterator[tuple[str, str]]:
    wanted, path = spec.enrichment, "trial.enrichment"
    if wanted is None:
        return
    for field in ("control", "active"):
        name = getattr(wanted, field)
        if name is not None and name not in arms:
            yield f"{path}.{field}", f"the study has no arm '{name}'; {nearest(name, arms)}"
    if (wanted.control or spec.design.arm_names()[0]) == (wanted.active or spec.design.arm_names()[-1]):
        yield (
            path,
            f"a {spec.design.kind} trial has one arm; say control and active, which benefit is between",
        )
    if wanted.week is not None and not _at_visit(wanted.week, days):
        yield f"{path}.week", f"there is no visit in week {wanted.week:g}; visits are in weeks {_weeks(days)}"


def _people(spec: TrialSpec) -> Iterator[tuple[str, str]]:
    """Yield mistakes of enrichment, priors and shared alpha, once every endpoint is known."""
    if spec.enrichment is not None:
        yield from _enrichment(spec.enrichment, spec.enrichment.endpoint or spec.primary.endpoint)
    n = len(spec.estimands)
    if spec.multiplicity is not None:
        if not isinstance(spec.design, TWO_ARM_DESIGNS):
            yield "trial.multiplicity", "is for designs of two arms; a platform has a multiplicity of its own"
        yield from _graph(
            "trial.multiplicity", spec.multiplicity.weights, spec.multiplicity.graph, n, "estimand"
        )
    for i, estimand in enumerate(spec.estimands):
        if estimand.prior is not None:
            path = f"trial.estimands.{i}.prior"
            yield from _quantity(path, functools.partial(estimand.prior.of, estimand.unit()))
            if not isinstance(spec.design, (*TWO_ARM_DESIGNS, designs.Platform)):
                yield path, "is for randomized arms; a single_arm design has a prior of its own"


def _enrichment(wanted: Enrichment, endpoint: str) -> Iterator[tuple[str, str]]:
    if measured(endpoint).is_time:
        yield "trial.enrichment.endpoint", f"'{endpoint}' is a time; benefit is in a number or a yes or no"
        return
    if wanted.endpoint and measured(endpoint).better == "none":
        yield "trial.enrichment.endpoint", f"'{endpoint}' is better neither way; choose another endpoint"
    yield from _quantity("trial.enrichment.above", lambda: wanted.amount("above", endpoint))
    yield from _quantity("trial.enrichment.error", lambda: wanted.amount("error", endpoint))


def _quantity(path: str, read: Callable[[], object]) -> Iterator[tuple[str, str]]:
    try:
        read()
    except (ValueError, InvalidQuantity) as error:
        yield path, str(error)


def _graph(
    path: str, weights: Sequence[float], graph: Sequence[Sequence[float]], n: int, what: str
) -> Iterator[tuple[str, str]]:
    """Yield what a graphical procedure over n hypotheses lacks."""
    if len(weights) != n or sum(weights) > 1 + _ROUNDING:
        yield f"{path}.weights", f"a graphical procedure needs {n} parts of alpha that sum to at most 1"
    rows = [len(row) == n and sum(row) <= 1 + _ROUNDING for row in graph]
    if len(rows) != n or not all(rows) or any(row[i] for i, row in enumerate(graph)):
        yield (
            f"{path}.graph",
            f"needs {n} rows of {n} parts that sum to at most 1, none for the {what} itself",
        )


def _platform(design: designs.Platform) -> Iterator[tuple[str, str]]:
    is_graphical = design.multiplicity == "graphical"
    if not is_graphical and (design.weights or design.graph):
        yield "trial.design.multiplicity", "weights and graph belong to 'graphical'"
    if is_graphical:
        yield from _graph("trial.design", design.weights, design.graph, len(design.actives), "arm")


def _n_of_1(design: designs.NOf1) -> Iterator[tuple[str, str]]:
    lengths = {len(order) for order in design.sequences.values()}
    if len(lengths) > 1:
        yield "trial.design.sequences", "all orders need as many periods"
    if any(set(order) != {"A", "B"} for order in design.sequences.values()):
        yield "trial.design.sequences", "every order needs periods of A and of B"
    periods = list(zip(*design.sequences.values(), strict=False))
    if any(2 * letters.count("B") != len(letters) for letters in periods):
        yield "trial.design.sequences", "in every period half of the orders need B, so that time drops out"
    if design.washout >= design.period:
        yield "trial.design.washout", "must be shorter than the period"


def _at_visit(week: float, days: Sequence[int]) -> bool:
    return round(week * DAYS_PER_WEEK) in days


def _weeks(days: Sequence[int]) -> str:
    return ", ".join(f"{day / DAYS_PER_WEEK:g}" for day in days)


def _intercurrent(spec: TrialSpec, arms: Sequence[str], days: Sequence[int]) -> Iterator[tuple[str, str]]:
    for i, event in enumerate(spec.intercurrent):
        path = f"trial.intercurrent.{i}"
        for field in ("arm", "to"):
            name = getattr(event, field)
            if name not in arms:
                yield f"{path}.{field}", f"the study has no arm '{name}'; {nearest(name, arms)}"
        if not _at_visit(event.week, days):
            yield (
                f"{path}.week",
                f"there is no visit in week {event.week:g}; visits are in weeks {_weeks(days)}",
            )
        if event.name == DEATH:
            yield f"{path}.name", "'death' is known already; choose another name"


def _estimand(
    path: str, estimand: Estimand, spec: TrialSpec, days: Sequence[int]
) -> Iterator[tuple[str, str]]:
    if not _at_visit(estimand.week, days):
        yield (
            f"{path}.week",
            f"there is no visit in week {estimand.week:g}; visits are in weeks {_weeks(days)}",
        )
    is_claimed = estimand == spec.primary or spec.multiplicity is not None
    if is_claimed and estimand.better is None and measured(estimand.endpoint).better == "none":
        yield (
            f"{path}.better",
            f"say 'higher' or 'lower': '{estimand.endpoint}' by itself is better neither way",
        )
    events = [*dict.fromkeys(event.name for event in spec.intercurrent), DEATH]
    for name in estimand.strategies:
        if name not in events:
            yield f"{path}.strategies", f"unknown event '{name}'; {nearest(name, events)}"
    if estimand.strategy(DEATH) in ("hypothetical", "treatment_policy"):
        yield f"{path}.strategies", "for death: composite, while_on_treatment or principal_stratum"
    possible = estimand.possible_estimators()
    if estimand.estimator and estimand.estimator not in possible:
        what = (
            "a time to an event"
            if estimand.is_time()
            else "a yes or no"
            if estimand.is_yes_no()
            else "a number"
        )
        yield f"{path}.estimator", f"'{estimand.endpoint}' is {what}; choose {', '.join(possible)}"
    if estimand.is_time() and "principal_stratum" in estimand.strategies.values():
        yield f"{path}.strategies", "the time to an event has no principal_stratum; choose another strategy"
