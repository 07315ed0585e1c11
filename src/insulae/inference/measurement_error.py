"""How far a measurement may lie from the fitted body: assay, sensor, and what the model leaves out.

Errors are relative (on the logarithm), correlated in time within a series, and their size is only expected,
not known: each kind of measurement has a variance with an inverse-gamma prior, integrated out, so that a
person whom the model describes badly gets wider intervals instead of false certainty.
"""

import dataclasses

from insulae.core.parameters import parameter, values

QUANTITIES = ("glucose", "interstitial", "insulin", "c_peptide", "infusion", "hba1c")
"""What can be measured: plasma and sensor glucose mg/dL, insulin and C-peptide pmol/L, glucose infusion of a
clamp mg/kg/min, HbA1c %."""


@dataclasses.dataclass(frozen=True)
class ErrorTable:
    """Expected relative errors by quantity, correlation times, spread of meals; rows of the table."""

    glucose: float = parameter("dimensionless")
    interstitial: float = parameter("dimensionless")
    insulin: float = parameter("dimensionless")
    c_peptide: float = parameter("dimensionless")
    infusion: float = parameter("dimensionless")
    hba1c: float = parameter("dimensionless")
    infusion_offset: float = parameter("mg/kg/min")
    test_time: float = parameter("min")
    sensor_time: float = parameter("min")
    freedom: float = parameter("dimensionless")
    meal_size: float = parameter("dimensionless")
    missing_meal: float = parameter("g")
    missing_interval: float = parameter("h")


def error_table() -> ErrorTable:
    """Return the rows of the parameter table."""
    return values(ErrorTable)
