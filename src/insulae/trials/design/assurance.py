"""Assurance: the power of a trial over what is not known of the model's parameters (O'Hagan 2005).

The people of a run may be split into groups that share one draw of every doubted population value (a run with
`population.doubt`). A trial of the people of one group has a power; its mean over groups is the assurance,
its spread says how much the power hangs on what is not known. What a group's power differs from another's by
the chance of replicates is taken off the spread; that a group holds few people is not, and makes it too wide.
"""

import dataclasses

import numpy as np

from insulae.core.errors import RunError
from insulae.trials.design.conduct import Flags
from insulae.trials.design.operating import OnProgress, replicates, runner, success_limit
from insulae.trials.design.replicate import Scene
from insulae.trials.design.truth import truth

FEWEST_REPLICATES = 20


@dataclasses.dataclass(frozen=True)
class Assurance:
    """Power of each group in percent, and the true difference of the primary estimand where there is one."""

    power: list[float]
    effects: list[float | None]
    replicates: int
    people: list[int]

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
    found = [_of_group(scene, int(one), times, limit, on_progress) for one in known]
    powers, effects, people = zip(*found, strict=True)
    return Assurance(list(powers), list(effects), times, list(people))


def _of_group(
    scene: Scene, group: int, times: int, limit: float | None, on_progress: OnProgress
) -> tuple[float, float | None, int]:
    own = _within(scene, group)
    wanted = own.spec.replicates.model_copy(update={"most": times, "error": 0.0})
    limited = dataclasses.replace(own, spec=own.spec.model_copy(update={"replicates": wanted}))
    trials = replicates(limited, on_progress, runner(limited, limit))
    arms = tuple(scene.spec.design.arm_names())
    known = truth(scene.spec, scene.spec.primary, limited.entering, arms)
    return 100 * float(np.mean([one.is_success for one in trials])), known.difference, len(own.places)


def _within(scene: Scene, group: int) -> Scene:
    """Return the scene whose patients are those of a group."""
    assert scene.outcomes.group is not None
    mine: Flags = scene.outcomes.group[scene.places] == group
    if not mine.any():
        raise RunError(f"nobody of group {group} may enter the trial", "Give population.size more people")
    weights = None if scene.weights is None else scene.weights[mine]
    return dataclasses.replace(scene, places=scene.places[mine], weights=weights)
