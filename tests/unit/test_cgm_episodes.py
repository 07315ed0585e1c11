"""Hypoglycemic episodes: what begins one, what ends one, and what a gap does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from insulae.cgm.episodes import count_episodes, count_high_episodes, episodes_per_week, find_episodes


def series(*pieces: tuple[float, int]) -> NDArray[np.float64]:
    """Join (glucose, readings) pieces, 5 minutes a reading."""
    return np.concatenate([np.full(length, value, dtype=float) for value, length in pieces])


@pytest.mark.parametrize(
    ("pieces", "number"),
    [
        ([(100, 20)], 0),
        ([(100, 5), (65, 2), (100, 5)], 0),  # 10 minutes are too short
        ([(100, 5), (65, 3), (100, 5)], 1),
        ([(100, 5), (70, 9), (100, 5)], 0),  # 70 is not below 70
        ([(65, 4), (100, 2), (65, 4), (100, 3)], 1),  # 10 minutes of recovery do not end it
        ([(65, 4), (100, 3), (65, 4), (100, 3)], 2),
        ([(65, 4), (100, 3), (65, 2), (100, 3)], 1),
        ([(65, 3)], 1),  # open at the end of the record
    ],
)
def test_fifteen_minutes_begin_and_end_an_episode(pieces: list[tuple[float, int]], number: int):
    assert count_episodes(series(*pieces)) == number


def test_level_2_has_its_own_threshold_and_is_part_of_level_1():
    low = series((100, 5), (60, 3), (50, 3), (60, 4), (50, 4), (100, 5))
    assert count_episodes(low, level=1) == 1
    assert count_episodes(low, level=2) == 2


def test_missing_readings_interrupt_and_a_long_gap_ends():
    assert count_episodes(series((65, 2), (np.nan, 1), (65, 2), (100, 3))) == 0
    assert count_episodes(series((65, 3), (np.nan, 8), (65, 3), (100, 3))) == 1
    assert count_episodes(series((65, 3), (np.nan, 9), (65, 3), (100, 3))) == 2


def test_episodes_run_from_the_first_low_reading_to_recovery():
    low = series((100, 4), (65, 6), (100, 2), (65, 3), (100, 6), (60, 3), (100, 3))
    assert find_episodes(low) == [(20, 75), (105, 120)]
    assert find_episodes(series((65, 3), (np.nan, 12), (65, 3))) == [(0, 15), (75, 90)]
    assert find_episodes(series((100, 10))) == []


def test_interval_of_the_sensor_sets_how_many_readings_count():
    low = series((100, 5), (65, 1), (100, 5))
    assert count_episodes(low, interval=15) == 1
    assert count_episodes(low, interval=10) == 0


def test_rate_is_per_week_of_readings():
    fortnight = np.tile(series((65, 6), (100, 282)), 14)
    half_missing = fortnight.copy()
    half_missing[7 * 288 :] = np.nan
    rates = episodes_per_week(np.stack([fortnight, half_missing, np.full(14 * 288, np.nan)]))
    assert rates[:2] == pytest.approx([7.0, 7.0])
    assert np.isnan(rates[2])


def test_high_episodes_mirror_low_ones():
    glucose = np.array([150.0, 190, 190, 190, 150, 190, 150, 150, 150, 260, 260, 260, np.nan])
    assert (count_high_episodes(glucose, 1), count_high_episodes(glucose, 2)) == (2, 1)
    assert count_high_episodes(glucose, 1) == count_episodes(250.0 - glucose, 1)
