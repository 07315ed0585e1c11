"""Even draws: the mean of what is recent varies little more than if every day were drawn by itself."""

import numpy as np
import pytest
from scipy.special import ndtri

from insulae.core.random import _STEPS, DayDraws, patient_keys
from insulae.trials.monitor import MEMORY_DAYS

HBA1C_DAYS = 35.0
WEEKS = 60
N = 20_000
NORMAL = ndtri((np.arange(N) + 0.5) / N)
CORRELATION = np.fft.irfft(np.abs(np.fft.rfft(NORMAL)) ** 2, N) / N
"""Of two normal draws, by how far they are apart round the unit interval."""


def correlation(apart: np.ndarray) -> np.ndarray:
    return CORRELATION[np.round(apart % 1 * N).astype(int) % N]


def variance(cuts: tuple[int, ...], memory: float, step: float | None) -> float:
    """Return the variance of an exponential mean over simulated days that stand for `cuts` in each week."""
    stands = np.tile(cuts, WEEKS)
    day = np.cumsum(stands) - stands
    share = 1 - np.exp(-stands / memory)
    left = np.append(np.cumprod((1 - share)[::-1])[::-1][1:], 1)
    weight = share * left
    if step is None:
        return float((weight**2).sum())
    return float(weight @ correlation(step * (day[:, None] - day)) @ weight)


@pytest.mark.parametrize(
    ("cuts", "memory", "most"),
    [
        ((2, 2, 2, 1), MEMORY_DAYS, 1.3),
        ((2, 2, 2, 1), HBA1C_DAYS, 1.3),
        ((4, 3), MEMORY_DAYS, 2.6),
        ((4, 3), HBA1C_DAYS, 1.6),
        ((7,), HBA1C_DAYS, 4.0),
    ],
)
def test_recent_means_vary_little_more_than_over_independent_days(
    cuts: tuple[int, ...], memory: float, most: float
):
    every_day = variance((1,) * 7, memory, None)
    found = [variance(cuts, memory, step / 2**32) / every_day for step in _STEPS]
    assert max(found) < most
    assert variance(cuts, memory, None) / every_day > min(most, 1.5), "independent draws would be worse"


def test_no_two_steps_are_alike_or_mirrored():
    steps = np.array(_STEPS) / 2**32
    both = np.sort(np.concatenate([steps, 1 - steps]))
    assert len(set(_STEPS)) == 30 and np.diff(both).min() > 0.003


def test_the_draws_follow_the_steps():
    draws = DayDraws(patient_keys(1, "day", np.arange(3)), 30)
    moved = (draws.even(9) - draws.even(7)) % 1
    expected = 2 * np.array(_STEPS)[:, None] / 2**32 % 1
    np.testing.assert_allclose(moved, np.broadcast_to(expected, moved.shape), atol=1e-5)
