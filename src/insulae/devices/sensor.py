"""Glucose sensor: interstitial glucose times the error of its calibration, plus noise that lasts for minutes.

    reading = gain G + noise max(G, floor)

The gain is lognormal and stays for as long as one sensor is worn; the noise runs linearly from one random
value to the next, so that neighbors are alike as in the two autoregressive processes of the Dexcom G6
(vettoretti2019: together a standard deviation of 8 mg/dL and a correlation of 0.75 over 10 minutes, in people
with type 1 diabetes). The spread of the gain is fitted so that readings differ from plasma glucose as much as
was measured (shahg62018). The delay of the interstitium is part of the body (`physiology/fast/glucose.py`).
Assumed: that the noise was of glucose near 160 mg/dL and is a share of it, down to a floor, as agreement of
sensors is judged. Not modelled: drift over the days of wear, a mean bias, gaps, pressure on a sensor at
night, sensors that fail.
"""

from typing import NamedTuple

import numpy as np

from insulae.core import counted_noise
from insulae.core.clock import STEP_MINUTES
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree

N_WEAR_UNIFORMS = 1
"""Draws that last for as long as one sensor is worn."""
_EVEN = np.float32(1.5**0.5)
"""Restores the variance that running linearly between independent values takes away, on average."""


@pytree
class Parameters:
    """The errors of the sensor and the range it shows."""

    gain_spread: Array = parameter("dimensionless")
    noise: Array = parameter("dimensionless")
    noise_floor: Array = parameter("mg/dL")
    noise_time: Array = parameter("min")
    wear_time: Array = parameter("d")
    lowest: Array = parameter("mg/dL")
    highest: Array = parameter("mg/dL")


class Day(NamedTuple):
    """The sensor of one day: gain of its calibration, and the key of its noise; [patient]."""

    gain: Array
    key: Array


class Shown(NamedTuple):
    """What the sensor shows: glucose (mg/dL), and by how much the noise changes its trend (mg/dL/min)."""

    glucose: Array
    noise_trend: Array


def plan(parameters: Parameters, normal: Array, key: Array) -> Day:
    """Return the sensor of a day from the normal draw of its wear and the key of the day's noise."""
    sigma = jnp.sqrt(jnp.log1p(parameters.gain_spread**2))
    return Day(gain=jnp.exp(sigma * normal - sigma**2 / 2), key=key)


def shown(parameters: Parameters, day: Day, interstitial_glucose: Array, step: Array) -> Shown:
    """Return what the sensor shows of interstitial glucose (mg/dL) at the beginning of a step."""
    p, per_step = parameters, STEP_MINUTES / parameters.noise_time
    place = step * per_step
    number = jnp.floor(place).astype(jnp.int32)
    first = counted_noise.bell(day.key, number)
    change = counted_noise.bell(day.key, number + 1) - first
    size = p.noise * _EVEN * jnp.maximum(interstitial_glucose, p.noise_floor)
    noise = size * (first + (place - number) * change)
    reading = jnp.clip(day.gain * interstitial_glucose + noise, p.lowest, p.highest)
    return Shown(glucose=reading, noise_trend=size * change * (per_step / STEP_MINUTES))
