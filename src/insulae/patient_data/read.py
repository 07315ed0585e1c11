"""Read whatever file of a person's data: tidy table, FHIR bundle, NONMEM data, or the file of a sensor."""

from collections.abc import Sequence
from pathlib import Path

from insulae.patient_data import fhir, nonmem, tidy
from insulae.patient_data.cleaning import without_duplicates
from insulae.patient_data.sensor_file import read_sensor_file
from insulae.patient_data.sensor_formats.raw_file import Options, RawFile
from insulae.patient_data.table import PatientTable, combined


def read(path: Path, time_zone: str | None = None, options: Options | None = None) -> PatientTable:
    """Return what a file holds, whatever its format; raises `InvalidData` with what was expected.

    time_zone: where the person lived (Europe/Berlin). options: what only the owner of the file knows.
    """
    file, chosen = RawFile.at(path), options or Options()
    if tidy.is_tidy(file.text):
        return tidy.tidy_table(file.text.lstrip("\ufeff"), file.name, time_zone)
    if fhir.is_fhir(file.json):
        return fhir.fhir_table(file.json, file.name, time_zone)
    if nonmem.is_nonmem(file.text):
        return nonmem.nonmem_table(file.text, file.name, chosen.person)
    return read_sensor_file(path, time_zone, chosen)


def read_all(
    paths: Sequence[Path], time_zone: str | None = None, options: Options | None = None
) -> PatientTable:
    """Return what all files of one person hold together; rows that several files share count once."""
    tables = [read(path, time_zone, options) for path in paths]
    return tables[0] if len(tables) == 1 else without_duplicates(combined(tables))
