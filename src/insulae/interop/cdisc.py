"""Export a finished run as SDTM and ADaM: transport files, Dataset-JSON and define.xml, all or nothing."""

import contextlib
import datetime
import json
import shutil
import uuid
from pathlib import Path

from insulae.core.errors import RunError
from insulae.interop import adam, exposure, sdtm
from insulae.interop.dataset import Dataset
from insulae.interop.dataset_files import as_json, write_transport
from insulae.interop.define import define_xml
from insulae.interop.subjects import Subjects, read
from insulae.interop.time_to_event import time_to_event
from insulae.runs import store


def datasets(held: Subjects) -> list[Dataset]:
    """Return the datasets of a run, SDTM first, also those without a row."""
    return [
        sdtm.demographics(held),
        exposure.exposure(held),
        exposure.medications(held),
        sdtm.laboratory(held),
        sdtm.vital_signs(held),
        sdtm.adverse_events(held),
        sdtm.disposition(held),
        adam.subject_level(held),
        adam.laboratory(held),
        adam.efficacy(held),
        time_to_event(held),
        adam.adverse_events(held),
    ]


def export(directory: store.Location | str, out: Path | None = None) -> tuple[Path, list[Dataset]]:
    """Write the datasets of a finished run to a new folder; return it and all datasets, empty ones too.

    A dataset without a row has no file. Raises `RunError` for a folder without a finished run, a folder
    `out` that exists already, and a disk that refuses; then nothing is left behind.
    """
    place = store.location(directory)
    if out is None and not isinstance(place, Path):
        raise RunError(f"{place} is not a folder of this machine", "Say where to write with --out FOLDER")
    target = out or Path(str(place)) / "cdisc"
    if target.exists():
        raise RunError(f"{target} exists already", "Delete it, or choose another folder with --out")
    held = read(place)
    made = datasets(held)
    unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}{store.UNFINISHED}")
    try:
        _write(held, [one for one in made if len(one.table)], unfinished)
        unfinished.rename(target)
    except OSError as error:
        hint = "Free some space or choose another folder with --out"
        raise RunError(f"cannot write {target}: {error.strerror or error}", hint) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(unfinished)
    return target, made


def _write(held: Subjects, made: list[Dataset], folder: Path) -> None:
    created = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for standard in dict.fromkeys(one.standard for one in made):
        inside = folder / standard.lower()
        inside.mkdir(parents=True)
        some = [one for one in made if one.standard == standard]
        for one in some:
            write_transport(one, inside / f"{one.name.lower()}.xpt")
            plain = as_json(one, held.study_id, created)
            text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
            (inside / f"{one.name.lower()}.json").write_text(text, encoding="utf-8")
        title = f"{held.study.question.strip() or held.study.name} (simulated)"
        (inside / "define.xml").write_bytes(define_xml(some, held.study_id, title, created))
