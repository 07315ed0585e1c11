"""The two files a dataset is written to: SAS transport (XPT version 5) and Dataset-JSON 1.1."""

import datetime
from pathlib import Path
from typing import Any

from insulae import __version__
from insulae.core.errors import RunError
from insulae.interop.dataset import SAS_EPOCH, Dataset, Variable, length


def write_transport(made: Dataset, path: Path) -> None:
    """Write the SAS transport file, version 5; raises `RunError` when pyreadstat is not installed."""
    try:
        import pyreadstat
    except ImportError as error:
        raise RunError("transport files need pyreadstat", "pip install 'insulae[interop]'") from error
    try:
        pyreadstat.write_xport(
            made.table,
            path,
            file_label=made.label,
            column_labels={v.variable: v.label for v in made.variables},
            table_name=made.name,
            file_format_version=5,
            variable_format={v.variable: "DATE9." for v in made.variables if v.type == "date"},
        )
    except (pyreadstat.PyreadstatError, pyreadstat.ReadstatError) as error:
        raise RunError(f"cannot write {path.name}: {error}", "Choose another folder with --out") from error


def as_json(made: Dataset, study_id: str, created: str) -> dict[str, Any]:
    """Return the dataset as Dataset-JSON 1.1."""
    rows = made.table.astype(object).where(made.table.notna() & (made.table != ""), None)
    return {
        "datasetJSONCreationDateTime": created,
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"{study_id}.{made.name}",
        "originator": "Insulae (simulated, not medical advice)",
        "sourceSystem": {"name": "insulae", "version": __version__},
        "studyOID": study_id,
        "metaDataVersionOID": f"MDV.{made.standard}",
        "metaDataRef": "define.xml",
        "itemGroupOID": f"IG.{made.name}",
        "records": len(rows),
        "name": made.name,
        "label": made.label,
        "columns": [_json_column(made, v) for v in made.variables],
        "rows": [
            [_json_value(value, v) for value, v in zip(row, made.variables, strict=True)]
            for row in rows.itertuples(index=False)
        ],
    }


def _json_column(made: Dataset, variable: Variable) -> dict[str, Any]:
    column = {
        "itemOID": f"IT.{made.name}.{variable.variable}",
        "name": variable.variable,
        "label": variable.label,
        **({"keySequence": made.keys.index(variable.variable) + 1} if variable.variable in made.keys else {}),
    }
    if variable.type == "char":
        return column | {"dataType": "string", "length": length(made, variable)}
    if variable.type == "date":
        return column | {"dataType": "date", "targetDataType": "integer", "displayFormat": "DATE9."}
    return column | {"dataType": "integer" if variable.type == "int" else "float"}


def _json_value(value: Any, variable: Variable) -> Any:
    """Return dates as ISO texts, as 1.1 asks for where the target is a number."""
    if value is None or variable.type in ("char", "num"):
        return value
    if variable.type == "int":
        return int(value)
    return (SAS_EPOCH + datetime.timedelta(days=int(value))).isoformat()
