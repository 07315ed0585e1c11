"""Compare every measure of a sensor record with iglu_python, person by person, on a file of your own.

    python -m venv other && other/bin/pip install iglu_python==0.4.3
    PYTHONPATH=src other/bin/python tests/oracles/compare_with_iglu.py example_data_5_subject.csv

The file has the columns id, time and gl (mg/dL), as the examples of iglu. iglu is licensed under the GPL and
is no part of this project; what the project keeps are the differences that this command prints: on the five
people that come with iglu and on 19 of Hall 2018 none in any measure to 0.000001.
"""

import sys
from pathlib import Path

import iglu_python as iglu
import numpy as np
import pandas as pd

from insulae.cgm.episodes import count_episodes, count_high_episodes
from insulae.cgm.record import SensorRecord
from insulae.cgm.summary import measured

IGLU = {
    "mean": lambda d: iglu.mean_glu(d)["mean"],
    "sd": lambda d: iglu.sd_glu(d)["SD"],
    "cv": lambda d: iglu.cv_glu(d)["CV"],
    "gmi": lambda d: iglu.gmi(d)["GMI"],
    "in_70_180": lambda d: iglu.in_range_percent(d, [[70, 180]])["in_range_70_180"],
    "in_70_140": lambda d: iglu.in_range_percent(d, [[70, 140]])["in_range_70_140"],
    "below_54": lambda d: iglu.below_percent(d, [54])["below_54"],
    "below_70": lambda d: iglu.below_percent(d, [70])["below_70"],
    "above_180": lambda d: iglu.above_percent(d, [180])["above_180"],
    "above_250": lambda d: iglu.above_percent(d, [250])["above_250"],
    "lbgi": lambda d: iglu.lbgi(d)["LBGI"],
    "hbgi": lambda d: iglu.hbgi(d)["HBGI"],
    "gri": lambda d: iglu.gri(d)["GRI"],
    "mage": lambda d: iglu.mage(d)["MAGE"],
}


def record_of(person: pd.DataFrame) -> SensorRecord:
    """Return the readings of one person; several at one time are averaged."""
    times = pd.to_datetime(person["time"])
    minute = (times - times.min().normalize()).dt.total_seconds() / 60.0
    series = person["gl"].groupby(minute).mean().sort_index()
    clock = series.index.to_numpy(float)
    return SensorRecord(clock, clock, series.to_numpy(float))


def episodes(person: pd.DataFrame, kind: str) -> tuple[int, int]:
    """Number of episodes of level 1 and 2 by iglu, `hypo` or `hyper`."""
    table = iglu.episode_calculation(person)
    number = table[table["type"] == kind].set_index("level")["total_episodes"]
    return int(number["lv1"]), int(number["lv2"])


def main(path: Path) -> None:
    """Print the greatest difference of each measure over all people."""
    data = pd.read_csv(path)[["id", "time", "gl"]].dropna()
    differences: dict[str, list[float]] = {
        name: [] for name in [*IGLU, "hypo 1", "hypo 2", "hyper 1", "hyper 2"]
    }
    for _, person in data.groupby("id"):
        person = person.assign(time=pd.to_datetime(person["time"]))
        record = record_of(person)
        ours = measured(record)
        for name, function in IGLU.items():
            differences[name].append(abs(ours[name] - float(function(person).iloc[0])))
        for kind, count in (("hypo", count_episodes), ("hyper", count_high_episodes)):
            for level, theirs in enumerate(episodes(person, kind), start=1):
                found = float(np.squeeze(count(record.even, level, record.step)))
                differences[f"{kind} {level}"].append(abs(found - theirs))
    for name, values in differences.items():
        print(f"{name:<12} greatest difference {max(values):.6f} in {len(values)} people")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
