"""Mean amplitude of glycemic excursions with turning points between the crossings of two moving averages.

Written from the description of Fernandes and others (fernandes2022) and of the documentation of iglu, whose
default this is; no code of theirs was used. On an even grid:

1. the record is cut where readings are missing for more than 180 minutes;
2. of each piece the means of the last 5 and of the last 32 readings are taken, the missing ones left out;
   before as many were read, the first such mean stands for them;
3. where the short mean crosses the long one a stretch ends. Stretches with the short mean above hold a peak,
   the others a nadir, in turns; each is sought from behind the one before to the end of its stretch;
4. a rise counts if it and the fall after it exceed one standard deviation of the piece, and so does a fall;
   the last one may end with the piece. A smaller swing between is part of the larger one;
5. means of rises and of falls are averaged over the pieces, weighed by their length, then with each other.

A piece of fewer than 32 readings tells nothing and is left out.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insulae.cgm.readings import Floats

SHORT, LONG = 5, 32
"""Readings of both moving averages."""
LONGEST_GAP = 180
"""Minutes without a reading that cut a record in two."""


def mage_by_crossings(glucose: ArrayLike, step: int) -> float:
    """Return the mean amplitude (mg/dL) of a record on an even grid of some minutes; NaN without a swing.

    >>> hours = np.arange(0, 48, 1 / 12)
    >>> round(mage_by_crossings(150 + 40 * np.sin(hours * np.pi / 6), 5), 1)
    71.8
    """
    values = np.asarray(glucose, dtype=float).reshape(-1)
    totals, weights = np.zeros(2), np.zeros(2)
    for piece in _pieces(values, step):
        points = piece[turning_points(piece)]
        deviation = float(np.nanstd(piece, ddof=1))
        for place, way in enumerate((points, -points)):
            amplitudes = rises(way, deviation)
            if amplitudes:
                totals[place] += (len(piece) - 1) * np.mean(amplitudes)
                weights[place] += len(piece) - 1
    there = weights > 0
    return float(np.mean(totals[there] / weights[there])) if there.any() else float("nan")


def _pieces(values: Floats, step: int) -> list[Floats]:
    """Return the pieces between long gaps that are long enough, from a reading to a reading."""
    read = np.flatnonzero(np.isfinite(values))
    if not len(read):
        return []
    cuts = np.flatnonzero(np.diff(read) * step > LONGEST_GAP) + 1
    return [values[p[0] : p[-1] + 1] for p in np.split(read, cuts) if p[-1] - p[0] + 1 >= LONG]


def _trailing_mean(values: Floats, number: int) -> Floats:
    """Return the mean of the last readings at each place, NaN where none of them is there."""
    known = np.isfinite(values)
    sums, counts = (np.concatenate([[0.0], np.cumsum(v)]) for v in (np.where(known, values, 0.0), known))
    total, count = (c[number:] - c[:-number] for c in (sums, counts))
    mean = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return np.concatenate([np.full(number - 1, mean[0]), mean])


def turning_points(piece: Floats) -> NDArray[np.integer[Any]]:
    """Return the places of peaks and nadirs, in turns."""
    side = np.sign(_trailing_mean(piece, SHORT) - _trailing_mean(piece, LONG))
    apart = np.flatnonzero(np.isfinite(side) & (side != 0))
    if not len(apart):
        return apart
    crossed = apart[1:][side[apart[1:]] != side[apart[:-1]]]
    is_peak, found = side[apart[0]] > 0, []
    first = 0
    for end in [*crossed, len(piece) - 1]:
        stretch = piece[first : max(end, first) + 1]
        if not np.isfinite(stretch).any():
            break
        found.append(first + int(np.nanargmax(stretch) if is_peak else np.nanargmin(stretch)))
        first, is_peak = found[-1] + 1, not is_peak
    return np.array(found)


def rises(points: Floats, least: float) -> list[float]:
    """Return the rises between turning points that exceed a height before a fall does; the last may not fall.

    >>> rises(np.array([100.0, 180.0, 170.0, 200.0, 90.0, 150.0]), 30.0)
    [100.0, 60.0]
    """
    found: list[float] = []
    low, high = points[0], -np.inf
    for value in points[1:]:
        is_risen = high > low
        if is_risen and value < high - least:
            found.append(float(high - low))
            low, high = value, -np.inf
        elif is_risen:
            high = max(high, value)
        elif value > low + least:
            high = value
        else:
            low = min(low, value)
    return found + ([float(high - low)] if high > low else [])
