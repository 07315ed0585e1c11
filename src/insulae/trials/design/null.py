"""The null hypothesis of a trial: the same patients, without the effect that the design looks for."""

import dataclasses

import numpy as np

from insulae.trials.design.designs import NOf1, RunIn, SingleArm, TwoStageDesign
from insulae.trials.design.one_arm import successes
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.protocol import NOTHING_LOST
from insulae.trials.design.replicate import Scene


def null_scene(scene: Scene) -> Scene | None:
    """Return the scene without an effect; None for a design that tests none (dose escalation).

    Arms that are compared all do what the control does. Against a known curve the arm does what the arm of
    reference does. Against a fixed share patients are drawn so that just this share succeeds. Against the own
    past the mean change is taken off. Of treatments in turn every order does what the orders do on average.
    """
    design = scene.spec.design
    known_curve = getattr(design, "reference_arm", None)
    if known_curve is not None:
        return dataclasses.replace(scene, outcomes=scene.outcomes.without_effect(known_curve))
    if isinstance(design, SingleArm | TwoStageDesign):
        return dataclasses.replace(scene, weights=_tilted(scene, design))
    if isinstance(design, RunIn):
        return _unchanged(scene, design)
    if isinstance(design, NOf1):
        return _averaged(scene, design)
    control = getattr(design, "control", None) or getattr(design, "external", None)
    if control is None:
        return None
    return dataclasses.replace(scene, outcomes=scene.outcomes.without_effect(control))


def _tilted(scene: Scene, design: SingleArm | TwoStageDesign) -> Floats:
    """Return weights under which the share of successes is the null's."""
    draws, arm = scene.draws(0), np.full(len(scene.places), scene.outcomes.arm(design.arm))
    complete = scene.spec.model_copy(update=NOTHING_LOST)
    whole = dataclasses.replace(scene, spec=complete)
    followed = whole.followed(scene.places, arm, draws)
    won = successes(whole, whole.data(followed, np.zeros(len(arm)), draws))
    assert design.reference is not None
    share = design.reference / 100
    if not 0 < won.mean() < 1:
        raise ValueError("all simulated patients have the same outcome; the null is no mixture of them")
    return np.where(won, share / won.sum(), (1 - share) / (~won).sum())


def _unchanged(scene: Scene, design: RunIn) -> Scene:
    primary, outcomes = scene.spec.primary, scene.outcomes
    visit, arm = outcomes.visit(primary.week), outcomes.arm(design.arm)
    values = outcomes.values[primary.endpoint].copy()
    change = values[arm, scene.places, visit] - values[arm, scene.places, 0]
    values[arm, :, visit] -= np.nanmean(change)
    replaced = {**outcomes.values, primary.endpoint: values}
    return dataclasses.replace(scene, outcomes=dataclasses.replace(outcomes, values=replaced))


def _averaged(scene: Scene, design: NOf1) -> Scene:
    """Return the scene in which all orders have the mean of their outcomes, patient by patient."""
    outcomes = scene.outcomes
    places = [outcomes.arm(name) for name in design.arm_names()]
    values = {name: one.copy() for name, one in outcomes.values.items()}
    endpoint = scene.spec.primary.endpoint
    values[endpoint][places] = values[endpoint][places].mean(axis=0)
    return dataclasses.replace(scene, outcomes=dataclasses.replace(outcomes, values=values))
