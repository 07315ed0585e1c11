"""Combining what several therapies do: factors multiply, amounts add, islets mix by dose."""

import dataclasses

import numpy as np

from insulae.physiology.effects import NOTHING, Effects, Infusion, combine

PLAIN = [f for f in dataclasses.fields(Effects) if f.metadata]


def test_nothing_is_neutral():
    assert combine([]) == Effects() == NOTHING == combine([Effects(), NOTHING])
    something = Effects(hepatic_production=0.5, infusion=Infusion(dose=2.0))
    assert combine([NOTHING, something, NOTHING]) == something
    assert all(getattr(Effects(), f.name) == f.metadata["neutral"] for f in PLAIN)


def test_factors_multiply_and_amounts_add():
    for field in PLAIN:
        combined = combine([Effects(**{field.name: 0.5}), Effects(**{field.name: 0.25})])
        expected = 0.125 if field.metadata["neutral"] == 1 else 0.75
        assert getattr(combined, field.name) == expected
        untouched = [f.name for f in PLAIN if f.name != field.name]
        assert all(getattr(combined, name) == getattr(Effects(), name) for name in untouched)


def test_every_effect_has_a_unit():
    assert all(
        f.metadata["unit"] for cls in (Effects, Infusion) for f in dataclasses.fields(cls) if f.metadata
    )


def test_infusions_of_one_day_are_pooled_by_dose():
    first = Infusion(dose=np.array([1.0, 0.0]), potency=np.array([1.0, 1.0]))
    second = Infusion(dose=np.array([3.0, 0.0]), potency=np.array([2.0, 2.0]))
    pooled = combine([Effects(infusion=first), Effects(infusion=second)]).infusion
    np.testing.assert_allclose(pooled.dose, [4.0, 0.0])
    np.testing.assert_allclose(pooled.potency, [1.75, 1.0])


def test_an_infusion_without_islets_leaves_the_other_as_it_is():
    some, none = Infusion(dose=np.array([2.0]), potency=np.array([0.7])), Infusion(dose=np.array([0.0]))
    for pair in ((some, none), (none, some)):
        assert combine(Effects(infusion=i) for i in pair).infusion is some


def test_the_order_does_not_matter():
    effects = [Effects(hepatic_production=0.8), Effects(secretion_capacity=0.5), Effects(basal_insulin=9.0)]
    assert combine(effects) == combine(reversed(effects))
