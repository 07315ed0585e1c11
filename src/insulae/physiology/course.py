"""Months to decades: one representative day, then the slow clock for as many days as that day stands for.

Takes effects, a control law and a sensor as data; knows no therapy. The scheme's error against simulating
every day is measured by `insulae.trials.accuracy`.
"""

from insulae.core.clock import SLOW_STEPS_PER_DAY
from insulae.core.jax_later import Array, jnp, lax
from insulae.core.pytree import map_leaves, pytree, replace
from insulae.physiology import body
from insulae.physiology.day import Control, DaySummary, Sensor, Trace, simulate_day
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import body_weight, graft


@pytree
class State:
    """The whole body: fast and slow state, and the averages of the last simulated day."""

    fast: body.FastState
    slow: body.SlowState
    averages: body.DayAverages


def infuse(slow: body.SlowState, parameters: body.SlowParameters, effects: Effects) -> body.SlowState:
    """Leave what is kept of the graft, and give the day's islets."""
    weight = body_weight.metabolic_weight(slow.body_weight.weight, parameters.body_weight)
    left = replace(slow.graft, mass=slow.graft.mass * effects.graft_kept)
    given = effects.infusion
    odds = effects.odds_of_instant_loss * given.instant_loss
    given = replace(given, instant_loss=odds / (odds + 1 - given.instant_loss))
    return replace(slow, graft=graft.infuse(left, parameters.graft, given, weight))


def morning(
    state: State, parameters: body.SlowParameters, effects: Effects
) -> tuple[body.SlowState, SlowSignals]:
    """Return the slow state after the day's infusion, and what it tells the fast components."""
    slow = infuse(state.slow, parameters, effects)
    return slow, body.slow_signals(slow, parameters, state.averages, effects)


def advance(
    state: State,
    parameters: tuple[body.FastParameters, body.SlowParameters],
    effects: Effects,
    law: tuple[Control, Sensor],
    days: Array,
) -> tuple[State, DaySummary, Trace]:
    """Simulate one day that stands for `days` days (a whole number, of each patient) and move the slow state
    by them.

    A day that stands for no days leaves the slow state and the averages as they are.
    """
    fast_parameters, slow_parameters = parameters
    slow, signals = morning(state, slow_parameters, effects)
    today = body.today(fast_parameters, signals, effects)
    fast, summary, trace = simulate_day(state.fast, today, *law)
    averages = body.DayAverages(mean_glucose=summary.mean_glucose, urinary_glucose=summary.urinary_glucose)
    averages = map_leaves(lambda new, old: jnp.where(days > 0, new, old), averages, state.averages)
    quarter = jnp.asarray(1 / SLOW_STEPS_PER_DAY, summary.mean_glucose.dtype)

    def goes_on(at: tuple[Array, body.SlowState]) -> Array:
        return jnp.max(at[0]) > 0 if jnp.ndim(at[0]) else at[0] > 0

    def one(at: tuple[Array, body.SlowState]) -> tuple[Array, body.SlowState]:
        left, now = at
        after = body.advance(now, slow_parameters, averages, effects, quarter)
        return left - 1, map_leaves(lambda new, old: jnp.where(left > 0, new, old), after, now)

    steps = jnp.asarray(days * SLOW_STEPS_PER_DAY, quarter.dtype)
    _, slow = lax.while_loop(goes_on, one, (steps, slow))
    return State(fast=fast, slow=slow, averages=averages), summary, trace
