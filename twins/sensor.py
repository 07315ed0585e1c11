"""Fit the first days of sensor glucose, foresee the last three: `python -m twins.sensor --data FOLDER`.

The data (CC BY 4.0) are ShanghaiT2DM, Zhao and others, Sci Data 2023;10:35, as CSV files of recordings with
sensor glucose each quarter of an hour, diet as text, injections, and `summary.csv`. Diet notes give the time
of a meal; its carbohydrate is taken as usual for the hour, with the error of `measurement_error.meal_size`.
Recordings with insulin into a vein or fewer than five whole days are left out and counted. Basal rates of a
pump are read; it gives regular insulin, which counts as rapid.

The days foreseen get meals and insulin of the last fitted days, one after the other: nothing of the last
three days is used. What the fitted body missed at the same hour of each fitted day is carried forward
(`recurring.py`). Two baselines: the share in range of the last fitted days, and of their mean profile.
"""

import argparse
import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from insulae.core.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR
from insulae.inference.evidence import stacked
from insulae.inference.fit import Fitted, fit
from insulae.inference.measurement_error import error_table
from insulae.inference.predictive import expected
from insulae.inference.prior import believed
from insulae.inference.sensor_days import READ_EVERY, Diary, day_of, sensor_days
from insulae.populations.patient import ClinicNumbers
from insulae.runs.manifest import keep_compiled_code
from insulae.therapies.base import LONG_AGO, load_all
from twins.kept import kept
from twins.recurring import carried, recurring

SEED = 20260101
FORESEEN = 3
MOST_FITTED = 8
LOW, HIGH = 70.0, 180.0
RAPID = ("aspart", "novolin r", "gansulin r", "glulisine", "lispro", "humulin r")
LONG = ("degludec", "detemir", "glargine", "glarigine", "nph")
PREMIX = {"70/30": 0.3, "30r": 0.3, "m30": 0.3, "40r": 0.4, "50r": 0.5, "25": 0.25}
"""Share of rapid insulin by words of the name; the rest is long-acting."""
SIZES = ((10, 50.0), (15, 65.0), (16, 15.0), (21, 70.0), (24, 15.0))
"""Usual carbohydrate (g) until an hour of the day, as the meals of the parameter table."""
UNNOTED, NOTED_EVERY = 720.0, 240.0
"""Basal rates are noted about each 240 min; a pump of which none is noted for 720 min was taken off."""
TOGETHER = 45.0
"""Notes closer than this (min) are one meal."""


@dataclasses.dataclass(frozen=True)
class Recording:
    """One recording: name, what the clinic knows, diary, first whole day, day after the last."""

    name: str
    numbers: ClinicNumbers
    diary: Diary
    first: int
    end: int


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """The last days of a recording: draws of time in range (%), what was seen, and two baselines.

    `body_in_range` are the draws without what recurs from day to day and without error, `told_in_range` those
    of a twin that knows the insulin of the days foreseen.
    """

    recording: Recording
    fitted: Fitted
    minutes: np.ndarray
    glucose: np.ndarray
    seen: np.ndarray
    in_range: np.ndarray
    body_in_range: np.ndarray
    told_in_range: np.ndarray
    seen_in_range: float
    repeated: float
    profile: float


def _share(text: str) -> float | None:
    """Return the rapid share of an insulin by its name; None for a name that is not known."""
    name = text.lower().replace("\xa0", " ")
    for word, share in PREMIX.items():
        if word in name:
            return share
    if any(word in name for word in LONG):
        return 0.0
    return 1.0 if any(word in name for word in RAPID) else None


def _injections(minutes: np.ndarray, notes: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return rapid and long-acting injections, [minute, U]."""
    rapid, long = [], []
    for minute, note in zip(minutes, notes, strict=True):
        if not isinstance(note, str):
            continue
        for name, dose in re.findall(r"([A-Za-z][^,;]*?)[,\s]+([\d.]+)\s*IU", note.replace("\xa0", " ")):
            share = _share(name)
            if share is None:
                raise ValueError(f"an insulin that is not known: {note}")
            rapid.append((minute, share * float(dose)))
            long.append((minute, (1 - share) * float(dose)))
    return (np.array([d for d in doses if d[1] > 0]).reshape(-1, 2) for doses in (rapid, long))  # type: ignore[return-value]


def _meals(minutes: np.ndarray, notes: pd.Series) -> np.ndarray:
    """Return the meals noted, [minute, g], of the usual size for the hour."""
    times: list[float] = []
    for minute in minutes[notes.notna().to_numpy()]:
        if not times or minute - times[-1] > TOGETHER:
            times.append(float(minute))
    hours = [minute % MINUTES_PER_DAY / MINUTES_PER_HOUR for minute in times]
    grams = [next(size for until, size in SIZES if hour < until) for hour in hours]
    return np.array(list(zip(times, grams, strict=True))).reshape(-1, 2)


def _numbers(row: pd.Series, injects: bool) -> ClinicNumbers:
    columns = {"age": "Age (years)", "height": "Height (m)", "weight": "Weight (kg)"}
    given = {k: float(row[v]) for k, v in columns.items()} | {"male": float(row.iloc[1]) - 1}
    egfr = pd.to_numeric(row.filter(like="Glomerular").iloc[0], errors="coerce")
    if np.isfinite(egfr):
        given["egfr"] = float(np.clip(egfr, 15, 140))
    treatment = ("basal_bolus",) if injects else ()
    return ClinicNumbers("type2", {k: (v, v) for k, v in given.items()}, treatment)


def _diary(table: pd.DataFrame) -> Diary:
    """Return the diary of a recording; its minute zero is the midnight before the first reading."""
    date = pd.to_datetime(table["Date"])
    minutes = (date - date.iloc[0].normalize()).dt.total_seconds().to_numpy() / 60
    rapid, long = _injections(minutes, table["Insulin dose - s.c."])
    bolus = _noted(minutes, table, "CSII - bolus")
    rapid = np.concatenate([rapid, bolus])
    return Diary(
        glucose=np.stack([minutes, table.iloc[:, 1].to_numpy(float)], axis=1),
        meals=_meals(minutes, table["Dietary intake"]),
        rapid=rapid[np.argsort(rapid[:, 0], kind="stable")],
        long=long,
        pump=_taken_off(_noted(minutes, table, "CSII - basal")),
    )


def _noted(minutes: np.ndarray, table: pd.DataFrame, beginning: str) -> np.ndarray:
    """Return the numbers of a column of the pump, [minute, number]."""
    column = pd.to_numeric(table.filter(like=beginning).iloc[:, 0], errors="coerce").to_numpy(float)
    known = np.isfinite(column)
    return np.stack([minutes[known], column[known]], axis=1)


def _taken_off(rates: np.ndarray) -> np.ndarray:
    """Return a pump's rates that end where none is noted for long: the person went on with injections."""
    if not len(rates):
        return rates
    follows = np.append(np.diff(rates[:, 0]), np.inf)
    ends = rates[follows > UNNOTED, 0] + NOTED_EVERY
    return np.array(sorted([*rates.tolist(), *[[end, 0.0] for end in ends]]))


def recordings(folder: Path) -> Iterator[Recording | str]:
    """Return the recordings, or why one is left out."""
    summary = pd.read_csv(folder / "summary.csv")
    for _, row in summary.iterrows():
        name = str(row.iloc[0])
        table = pd.read_csv(folder / f"{name}.csv")
        if table["Insulin dose - i.v."].notna().any():
            yield f"{name}: insulin into a vein"
            continue
        diary = _diary(table)
        first, end = 1, int(diary.glucose[-1, 0] // MINUTES_PER_DAY)
        if end - first < 2 + FORESEEN:
            yield f"{name}: {end - first} whole days"
            continue
        injects = len(diary.rapid) + len(diary.long) + len(diary.pump) > 0
        yield Recording(name, _numbers(row, injects), diary, first, end)


def in_range(glucose: np.ndarray) -> np.ndarray:
    """Return the time in 70-180 mg/dL (%) along the first axis, of what was read."""
    known = np.isfinite(glucose)
    return 100 * ((glucose >= LOW) & (glucose <= HIGH)).sum(axis=0) / known.sum(axis=0)


def _replayed(diary: Diary, fitted: range, foreseen: range, insulin_known: bool = False) -> Diary:
    """Return the diary of the foreseen days with meals and insulin of the last fitted days in their place.

    With `insulin_known` the insulin is that of the foreseen days.
    """
    last, latest = foreseen.start * MINUTES_PER_DAY, fitted[-len(foreseen) :]

    def continued(notes: np.ndarray) -> np.ndarray:
        kept = [notes[notes[:, 0] < last]]
        for day in foreseen:
            source = latest[(day - foreseen.start) % len(latest)]
            there = (notes[:, 0] >= source * MINUTES_PER_DAY) & (notes[:, 0] < (source + 1) * MINUTES_PER_DAY)
            kept.append(notes[there] + [(day - source) * MINUTES_PER_DAY, 0])
        return np.concatenate(kept)

    known = diary.glucose[diary.glucose[:, 0] < last]
    insulin = (diary.rapid, diary.long, diary.pump)
    return Diary(
        known, continued(diary.meals), *(insulin if insulin_known else (continued(each) for each in insulin))
    )


def foresee(recording: Recording, keep: Path | None = None) -> Foreseen:
    """Fit the first days and foresee the last three."""
    family, errors = load_all(), error_table()
    kinds = recording.numbers.treatment
    specs = [family.get(kind).model_validate({"kind": kind, "start": LONG_AGO}) for kind in kinds]
    known, prior = believed(recording.numbers, specs, SEED)
    weight = float(known.signals.metabolic_weight)
    split = recording.end - FORESEEN
    fitted_days = range(max(recording.first, split - MOST_FITTED), split)
    days = sensor_days(recording.diary, fitted_days, weight, errors)
    found = kept(keep, f"sensor-{recording.name}", lambda: fit(known, prior, days, errors, SEED))
    last = range(split, recording.end)
    return _compared(recording, found, fitted_days, last, weight)


def _compared(r: Recording, found: Fitted, fitted_days: range, last: range, weight: float) -> Foreseen:
    errors, minutes = error_table(), np.arange(0, MINUTES_PER_DAY, READ_EVERY)

    def read(days: range) -> np.ndarray:
        """Return what was read, [day, time]."""
        return np.stack([day_of(r.diary, d, weight, errors, minutes).series[0].values for d in days])

    before, seen = read(fitted_days), read(last).ravel()
    body = _shown(r.diary, fitted_days, found, weight)
    coming, told = (
        _shown(_replayed(r.diary, fitted_days, last, is_known), last, found, weight)
        for is_known in (False, True)
    )
    missed = recurring(np.log(before)[..., None] - np.log(body), len(last))
    sensor = np.flatnonzero(np.asarray(found.posterior.evidence.previous))
    previous = float(np.max(np.asarray(found.posterior.evidence.previous)[sensor], initial=0.0))
    deviation = carried(missed, previous, SEED)
    known = np.isfinite(seen)
    factor = np.exp(deviation)
    glucose, alone, told = (np.concatenate(list(g)) for g in (coming * factor, coming, told * factor))
    return Foreseen(
        recording=r,
        fitted=found,
        minutes=np.concatenate([minutes + d * MINUTES_PER_DAY for d in last]),
        glucose=glucose,
        seen=seen,
        in_range=in_range(glucose[known]),
        body_in_range=in_range(alone[known]),
        told_in_range=in_range(told[known]),
        seen_in_range=float(in_range(seen[:, None])[0]),
        repeated=float(in_range(before[-FORESEEN:].reshape(-1, 1))[0]),
        profile=float(in_range(np.nanmean(before, axis=0)[:, None])[0]),
    )


def _shown(diary: Diary, days: range, found: Fitted, weight: float) -> np.ndarray:
    """Return sensor glucose of the fitted body without error, [day, time, draw].

    Days are taken three at a time, the last one repeated, so that one shape is compiled for all recordings.
    """
    parts: list[np.ndarray] = []
    for first in range(0, len(days), FORESEEN):
        few = days[first : first + FORESEEN]
        kept = [few[min(place, len(few) - 1)] for place in range(FORESEEN)]
        parts.append(_three(diary, kept, found, weight)[: len(few)])
    return np.concatenate(parts)


def _three(diary: Diary, days: Sequence[int], found: Fitted, weight: float) -> np.ndarray:
    errors, minutes = error_table(), np.arange(0, MINUTES_PER_DAY, READ_EVERY)
    each = [day_of(diary, day, weight, errors, minutes) for day in days]
    blank = [dataclasses.replace(e.series[0], values=np.ones(len(minutes))) for e in each]
    each = [dataclasses.replace(e, series=(b,)) for e, b in zip(each, blank, strict=True)]
    exact = expected(stacked(each, errors), found.posterior.known, found.logarithms)
    return exact.reshape(len(days), len(minutes), -1)


def main() -> None:
    """Foresee every recording, print what was found, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the recordings and summary.csv")
    parser.add_argument("--out", type=Path, default=Path("results/twins_sensor"))
    parser.add_argument("--every", type=int, default=1, help="take each n-th recording")
    parser.add_argument("--first", type=int, default=0, help="begin with this one, counted from zero")
    parser.add_argument("--most", type=int, help="stop after so many recordings")
    parser.add_argument("--keep", type=Path, help="folder in which the fits are kept")
    given: Any = parser.parse_args()
    keep_compiled_code()
    from twins.sensor_page import write

    found, left_out = [], []
    for recording in list(recordings(given.data))[given.first :: given.every]:
        if given.most and len(found) >= given.most:
            break
        if isinstance(recording, str):
            left_out.append(recording)
            continue
        found.append(foresee(recording, given.keep))
        print(f"\r{len(found)} recordings", end="", flush=True)
    print("\n" + write(given.out, found, left_out))


if __name__ == "__main__":
    main()
