"""Read the file of a glucose sensor, whoever made it, and say what was found and done.

Which layouts are read by the library cgm_format and which here, and why, stands in docs/your_data.md.
"""

from pathlib import Path
from types import ModuleType

from insulae.core.errors import InvalidData
from insulae.patient_data.cleaning import described, without_duplicates
from insulae.patient_data.entries import table_of
from insulae.patient_data.sensor_formats import (
    carelink,
    carelink_semicolons,
    clarity_translated,
    libreview,
    nightscout,
    plain,
    through_cgm_format,
    tidepool,
)
from insulae.patient_data.sensor_formats.raw_file import Options, RawFile
from insulae.patient_data.table import PatientTable

READERS: tuple[ModuleType, ...] = (
    tidepool,
    nightscout,
    carelink_semicolons,
    through_cgm_format,
    clarity_translated,
    libreview,
    carelink,
    plain,
)
KNOWN = (
    "Dexcom Clarity, FreeStyle Libre (LibreView), Medtronic CareLink, Guardian Connect, iPro2, Tidepool, "
    "Nightscout, or a table with a column of times and one of glucose"
)


def read_sensor_file(
    path: Path, time_zone: str | None = None, options: Options | None = None
) -> PatientTable:
    """Return what a sensor file holds: `glucose_sensor`, and meter readings, insulin, carbohydrate if any.

    time_zone: where the person lived (Europe/Berlin); without it a change of the clock is not corrected.
    Raises `InvalidData` when nobody knows the layout, nothing is in it, or a value cannot be right.
    """
    file = RawFile.at(path)
    reader = next((one for one in READERS if one.matches(file)), None)
    if reader is None:
        raise InvalidData(f"{file.name} begins like no file that is known", f"Expected {KNOWN}")
    found = reader.read(file, options or Options())
    if not found.entries:
        raise InvalidData(f"{file.name} is a file of {found.layout}, but holds no reading and no dose")
    table = table_of(found.entries, file.name, time_zone, (f"read as {found.layout}", *found.remarks))
    clean = without_duplicates(table)
    about = described(clean.series("glucose_sensor"), clean.glucose_unit)
    return clean.with_remarks(*about)
