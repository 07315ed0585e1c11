"""Assurance: the power of a trial over what is not known of the model's parameters (O'Hagan 2005).

The people of a run may be split into groups that share one draw of every doubted population value (a run with
`population.doubt`). A trial of the people of one group has a power; its mean over groups is the assurance,
its spread says how much the power hangs on what is not known. What a group's power differs from another's by
the chance of replicates is taken off the spread.

Groups differ also by the chance of who is in them. Components of variance of the benefit of each person tell
how much they would differ without it; patients of a group's trials are then drawn from the group with just
the probability, and otherwise from everybody, with which the true effects of groups differ by as much
(constrained empirical Bayes, Louis 1984; Ghosh 1992). With many people in a group that probability is 1.
"""

import dataclasses

import numpy as np

from insulae.core.errors import RunError
from insulae.statistics.variance_components import components
from insulae.trials.design.conduct import Flags
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import variable
from insulae.trials.design.event_times import happened_week
from insulae.trials.design.operating import OnProgress, replicates, runner, success_limit
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.replicate import Scene
from insulae.trials.design.truth import truth

FEWEST_REPLICATES = 20


@dataclasses.dataclass(frozen=True)
class Assurance:
    """Power of each group in percent, and the true difference of the primary estimand where there is one.

    `own` is the part of a group's patients that come from the group.
    """

    power: list[float]
    effects: list[float | None]
    replicates: int
    people: list[int]
    own: float = 1.0

    @property
    def mean(self) -> float:
        """Assurance (%)."""
        return float(np.mean(self.power))

    @property
    def error(self) -> float:
        """Standard error of the assurance, by the number of groups (%)."""
        return float(np.std(self.power, ddof=1) / np.sqrt(len(self.power)))

    @property
    def spread(self) -> float:
        """Standard deviation of the power over groups, without the chance of replicates (%)."""
        share = np.array(self.power) / 100
        by_chance = float((share * (1 - share)).mean()) / self.replicates
        return 100 * float(np.sqrt(max(0.0, share.var(ddof=1) - by_chance)))


def assurance(scene: Scene, on_progress: OnProgress) -> Assurance | None:
    """Return the power of the scene's trial in each group of people; None where no doubt was simulated.

    Groups share the replicates of the study. Raises `RunError` when a group has nobody who may enter.
    """
    group = scene.outcomes.group
    if group is None:
        return None
    known = np.unique(group)
    if len(known) < 2:
        raise RunError("assurance needs people of at least two groups", "Give population.size more people")
    times = max(FEWEST_REPLICATES, scene.spec.replicates.most // len(known))
    limit = success_limit(scene)
    arms = tuple(scene.spec.design.arm_names())
    everybody = truth(scene.spec, scene.spec.primary, scene.entering, arms).difference
    own, found = own_part(scene), list[tuple[float, float | None, int]]()
    for one in known:
        mine: Flags = group[scene.places] == one
        if not mine.any():
            raise RunError(f"nobody of group {one} may enter the trial", "Give population.size more people")
        power = _power(_mixed(scene, mine, own), times, limit, on_progress)
        effect = truth(
            scene.spec, scene.spec.primary, scene.outcomes.chosen(scene.places[mine]), arms
        ).difference
        blend = None if effect is None or everybody is None else own * effect + (1 - own) * everybody
        found.append((power, blend, int(mine.sum())))
    powers, effects, people = zip(*found, strict=True)
    return Assurance(list(powers), list(effects), times, list(people), own)


def own_part(scene: Scene) -> float:
    """Return the part of a group's patients that come from the group; 1 where no components can be told."""
    assert scene.outcomes.group is not None
    group = scene.outcomes.group[scene.places]
    found = components(_gain(scene), group)
    if found is None:
        return 1.0
    sizes = np.unique(group, return_counts=True)[1]
    by_chance = found.within**2 * float((1 / sizes).mean())
    total = found.between**2 + by_chance
    return float(np.sqrt(found.between**2 / total)) if total > 0 else 1.0


def _gain(scene: Scene) -> Floats:
    """Return the difference of the primary variable under the last and the first arm of each who may enter.

    Of a time, whether the event has happened by the week of the estimand.
    """
    primary, outcomes, places = scene.spec.primary, scene.outcomes, scene.places
    each: list[Floats] = []
    for name in scene.spec.design.arm_names():
        followed = scene.followed(places, np.full(len(places), outcomes.arm(name)), Draws(0, 0))
        if primary.is_time():
            each.append(np.isfinite(happened_week(primary, followed)).astype(float))
        else:
            each.append(variable(primary, followed, outcomes, places))
    return each[-1] - each[0] if len(each) > 1 else each[0]


def _power(scene: Scene, times: int, limit: float | None, on_progress: OnProgress) -> float:
    wanted = scene.spec.replicates.model_copy(update={"most": times, "error": 0.0})
    limited = dataclasses.replace(scene, spec=scene.spec.model_copy(update={"replicates": wanted}))
    trials = replicates(limited, on_progress, runner(limited, limit))
    return 100 * float(np.mean([one.is_success for one in trials]))


def _mixed(scene: Scene, mine: Flags, own: float) -> Scene:
    """Return the scene whose patients come from a group by a probability, and otherwise from everybody."""
    weights = np.where(mine, own / mine.sum(), 0.0) + (1 - own) / len(mine)
    return dataclasses.replace(scene, weights=weights if scene.weights is None else weights * scene.weights)
