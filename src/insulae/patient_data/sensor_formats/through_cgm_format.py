"""What the library cgm_format reads right: Dexcom Clarity in English (US, EU), Medtronic Guardian Connect.

What it does is undone in two places. It writes Low and High as 39 and 401 mg/dL and marks them: they become
limits again. It turns mmol/L into mg/dL with 18.0182: values go back to the one decimal of the file, so that
10.0 mmol/L stays 10.0. What it takes for rapid insulin in a Guardian Connect file is a dose of unknown kind.
"""

import csv
import io
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, MEASURED, Entry
from insulae.patient_data.sensor_formats.raw_file import Found, Options, RawFile
from insulae.patient_data.table import MG_PER_DL, MMOL_PER_L

LAYOUTS = {
    "DEXCOM": "Dexcom Clarity",
    "DEXCOM_EU": "Dexcom Clarity (mmol/L)",
    "MEDTRONIC": "Medtronic Guardian Connect",
}
LOWEST, HIGHEST = {MG_PER_DL: 40.0, MMOL_PER_L: 2.2}, {MG_PER_DL: 400.0, MMOL_PER_L: 22.2}
"""The limits of Dexcom sensors: what Low and High mean."""
EVENTS = {
    "BG_METER": ("glucose", "glucose_meter"),
    "CALIBRAT": ("glucose", "glucose_meter"),
    "CARBS_IN": ("carbs", "carbohydrate"),
    "INS_FAST": ("insulin_fast", "insulin_rapid"),
    "INS_SLOW": ("insulin_slow", "insulin_long"),
    "BASAL_RT": ("basal_rate", "insulin_basal_rate"),
}
UNITS = {"carbohydrate": "g", "insulin_basal_rate": "U/h"}


def matches(file: RawFile) -> bool:
    """Tell whether it is a Clarity file or a Guardian Connect file with semicolons."""
    is_clarity = "Timestamp (YYYY-MM-DDThh:mm:ss)" in file.head
    return is_clarity or ("Sensor Glucose (mg/dL)" in file.head and "Index;Date;Time" in file.head)


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` when cgm_format cannot read it after all."""
    try:
        from cgm_format import FormatParser
        from cgm_format.interface.cgm_interface import MalformedDataError, UnknownFormatError
    except ImportError as error:
        raise InvalidData(f"{file.name} needs cgm_format", "pip install insulae[data]") from error
    text = _with_commas(file.text.lstrip("\ufeff"))
    with _warnings() as said:
        try:
            layout = FormatParser.detect_format(text).name
            frame = FormatParser.parse_from_string(text)
        except (MalformedDataError, UnknownFormatError, ValueError) as error:
            raise InvalidData(f"{file.name}: {str(error).splitlines()[0][:200]}") from error
    if layout not in LAYOUTS:
        raise InvalidData(f"{file.name} looks like {layout}, which is not read this way")
    entries = [entry for row in frame.iter_rows(named=True) for entry in _entries(row, layout)]
    remarks = [*said, *_kinds(entries), *_calibrations(text)]
    return Found(f"{LAYOUTS[layout]}, read by cgm_format", entries, remarks)


def _with_commas(text: str) -> str:
    """Older Clarity files separate by tabs, which cgm_format does not expect."""
    if "\t" not in text.splitlines()[0]:
        return text
    rows = io.StringIO()
    csv.writer(rows).writerows(csv.reader(text.splitlines(), delimiter="\t"))
    return rows.getvalue()


def _entries(row: dict[str, Any], layout: str) -> Iterator[Entry]:
    place = f"at {row['datetime']}"
    if row["event_type"] == "EGV_READ":
        if row["glucose"] is not None:
            yield _reading(row, layout, place)
        return
    source, name = EVENTS.get(row["event_type"], ("", ""))
    if not source or row.get(source) is None:
        return
    if name == "glucose_meter" and layout == "DEXCOM_EU":
        yield Entry(row["datetime"], name, _tenths(row[source]), MMOL_PER_L, place)
    elif name == "glucose_meter":
        yield Entry(row["datetime"], name, row[source], MG_PER_DL, place)
    else:
        kind = "insulin_injected" if layout == "MEDTRONIC" and name == "insulin_rapid" else name
        yield Entry(row["datetime"], kind, row[source], UNITS.get(name, "U"), place)


def _reading(row: dict[str, Any], layout: str, place: str) -> Entry:
    unit = MMOL_PER_L if layout == "DEXCOM_EU" else MG_PER_DL
    if row["quality"] & 1:  # out of range
        is_low = row["glucose"] < LOWEST[MG_PER_DL]
        limit, side = (LOWEST[unit], BELOW) if is_low else (HIGHEST[unit], ABOVE)
        return Entry(row["datetime"], "glucose_sensor", limit, unit, place, side)
    value = _tenths(row["glucose"]) if unit == MMOL_PER_L else row["glucose"]
    return Entry(row["datetime"], "glucose_sensor", value, unit, place, MEASURED)


def _tenths(glucose: float) -> float:
    from cgm_format.formats.unified import MMOL_TO_MGDL

    return round(glucose / MMOL_TO_MGDL, 1)


def _kinds(entries: list[Entry]) -> list[str]:
    unknown = sum(entry.name == "insulin_injected" for entry in entries)
    return [f"{unknown} insulin doses of which the file does not tell the kind"] if unknown else []


def _calibrations(text: str) -> list[str]:
    """Count finger-prick calibrations of Clarity, which cgm_format passes over."""
    number = text.count(",Calibration,")
    return [f"{number} calibrations are not read"] if number else []


@contextmanager
def _warnings() -> Generator[list[str]]:
    """Collect what cgm_format writes to its log."""
    said: list[str] = []
    handler, logger = logging.Handler(), logging.getLogger("cgm_format")
    handler.emit = lambda record: said.append(record.getMessage())
    was = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = was
