"""Every component keeps the same promises, with and without a graft: finite, smooth, elementwise, named."""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from insulae.core.pytree import broadcast, map_leaves, replace, take
from insulae.core.variables import variable
from insulae.physiology import body, course
from insulae.physiology.effects import Effects, Infusion, Inputs
from insulae.physiology.slow import graft
from insulae.populations.baseline import Start

N = 8
ROUNDING = 1e-5
"""Compiled code fuses and reorders operations, which moves single precision by some units of 6e-8."""
NAMES = {component.__name__.rsplit(".", 1)[-1]: component for component in (*body.FAST, *body.SLOW)}
EVERY = pytest.mark.parametrize("component", list(NAMES.values()), ids=list(NAMES))
WITH_STATE = {name: c for name, c in NAMES.items() if hasattr(c, "State")}

Setting = dict[str, Any]


def settled(state: course.State) -> course.State:
    """Put a well supplied, mature graft in place, from the portal vein."""
    effects = Infusion(
        dose=5e5,
        portal_fraction=1.0,
        oxygen_early=9.0,
        oxygen_late=40.0,
        maturation_time=30.0,
        vascularization_time=12.0,
        potency=1.0,
    )
    zero = jnp.zeros(N, jnp.float32)
    given = map_leaves(lambda x: x + zero, effects)
    parameters = graft.Parameters(**{f.name: zero + 1 for f in dataclasses.fields(graft.Parameters)})
    parameters = replace(parameters, reference_density=zero + 15000)
    grown = graft.infuse(state.slow.graft, parameters, given, zero + 70)
    grown = replace(
        grown, vascularization=zero + 1, first_stage=zero + 1, second_stage=zero + 1, maturation=zero + 1
    )
    immunity = replace(state.slow.immunity, alloimmunity=zero + 0.1)
    return replace(state, slow=replace(state.slow, graft=grown, immunity=immunity))


def arrange(state: course.State, start: Start) -> Setting:
    """Return what every component is called with at a state."""
    zero = jnp.zeros(N, jnp.float32)
    fast, slow = start.cohort.parameters.fast, start.cohort.parameters.slow
    effects = broadcast(Effects(), N)
    signals = body.slow_signals(state.slow, slow, state.averages, effects)
    constants = body.today(fast, signals, effects)
    names = [f.name for f in dataclasses.fields(Inputs)]
    inputs = replace(Inputs(**dict.fromkeys(names, zero + 1)), solid_carbohydrate=zero + 4000)
    return {
        "state": {**_fields(state.fast), **_fields(state.slow)},
        "parameters": {**_fields(constants), **_fields(slow)},
        "signals": body.fast_signals(state.fast, constants, inputs),
        "slow_signals": signals,
        "effects": effects,
        "inputs": inputs,
    }


def _fields(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}


@pytest.fixture(scope="session", params=["without a graft", "with a graft"])
def setting(request: pytest.FixtureRequest, type1: Start) -> Setting:
    state = map_leaves(jnp.asarray, type1.state)
    return arrange(settled(state) if request.param == "with a graft" else state, type1)


def call(component: ModuleType, setting: Setting) -> tuple[Callable[..., Any], Any]:
    """Return the component's law as a function of one record, and that record."""
    name = component.__name__.rsplit(".", 1)[-1]
    parameters = setting["parameters"][name]
    if component in body.SLOW:
        days = jnp.full(N, 0.25, jnp.float32)
        given = (setting["state"][name], parameters, setting["slow_signals"], setting["effects"], days)
        return component.advance, given
    if name not in WITH_STATE:
        return component.signals, (parameters, setting["signals"], setting["inputs"])
    return component.derivative, (setting["state"][name], parameters, setting["signals"], setting["inputs"])


def numbers(tree: Any) -> np.ndarray:
    """Return all numbers of a record, [leaf, patient]."""
    return np.stack([np.broadcast_to(np.asarray(leaf), (N,)) for leaf in jax.tree_util.tree_leaves(tree)])


@EVERY
def test_it_is_finite(component: ModuleType, setting: Setting):
    law, given = call(component, setting)
    assert np.isfinite(numbers(given)).all()
    assert np.isfinite(numbers(law(*given))).all()


@EVERY
def test_its_gradient_is_finite(component: ModuleType, setting: Setting):
    law, given = call(component, setting)

    def total(arguments: Any) -> jax.Array:
        return sum(jnp.sum(leaf) for leaf in jax.tree_util.tree_leaves(law(*arguments)))

    gradient = jax.jit(jax.grad(total))(given)
    assert np.isfinite(numbers(gradient)).all()


@EVERY
def test_compiled_and_interpreted_agree(component: ModuleType, setting: Setting):
    law, given = call(component, setting)
    np.testing.assert_allclose(numbers(jax.jit(law)(*given)), numbers(law(*given)), rtol=ROUNDING, atol=1e-6)


@EVERY
def test_patients_do_not_touch_one_another(component: ModuleType, setting: Setting):
    law, given = call(component, setting)
    compiled, mapped = jax.jit(law), numbers(jax.vmap(law)(*given))
    together = numbers(compiled(*given))
    np.testing.assert_allclose(mapped, together, rtol=ROUNDING, atol=1e-6)
    for patient in range(N):
        alone = numbers(compiled(*take(given, np.full(N, patient))))[:, 0]
        np.testing.assert_allclose(alone, together[:, patient], rtol=ROUNDING, atol=1e-6)


@pytest.mark.parametrize("name", WITH_STATE)
def test_every_state_has_a_unit_and_a_label(name: str):
    for field in dataclasses.fields(WITH_STATE[name].State):
        row = variable(f"{name}.{field.name}")
        assert row.unit and row.label


@EVERY
def test_its_equations_have_a_sentence(component: ModuleType):
    public = [f for f in vars(component).values() if getattr(f, "__module__", None) == component.__name__]
    assert all(f.__doc__ for f in public if not f.__name__.startswith("_"))


def test_a_law_that_mixes_patients_is_noticed(setting: Setting):
    _, given = call(NAMES["c_peptide"], setting)
    mixed = NAMES["c_peptide"].derivative(*map_leaves(lambda x: x + 0 * x.mean() + jnp.flip(x), given))
    assert not np.allclose(numbers(mixed), numbers(NAMES["c_peptide"].derivative(*given)), rtol=ROUNDING)
