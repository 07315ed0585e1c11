"""The limits of glucose by which readings are judged, for records in mg/dL and for records in mmol/L.

The consensus (Battelino 2023, doi:10.1016/S2213-8587(22)00319-9) names them in both units, and they are not
the same: 10.0 mmol/L is 180.16 mg/dL. A record that was displayed in mmol/L is judged by the limits in
mmol/L, so that a reading of 10.0 mmol/L is in range.
"""

from dataclasses import dataclass

MG_PER_DL_PER_MMOL = 18.0156  # molar mass of glucose, 180.156 g/mol
_ROUNDING = 1e-6  # mg/dL; a reading equal to a limit must not cross it by rounding


@dataclass(frozen=True)
class Limits:
    """Limits in mg/dL: very low, low, top of the tight range, high, very high."""

    level_2_low: float = 54.0
    level_1_low: float = 70.0
    tight_high: float = 140.0
    level_1_high: float = 180.0
    level_2_high: float = 250.0


MG_PER_DL = Limits()
MMOL_PER_L = Limits(
    level_2_low=3.0 * MG_PER_DL_PER_MMOL - _ROUNDING,
    level_1_low=3.9 * MG_PER_DL_PER_MMOL - _ROUNDING,
    tight_high=7.8 * MG_PER_DL_PER_MMOL + _ROUNDING,
    level_1_high=10.0 * MG_PER_DL_PER_MMOL + _ROUNDING,
    level_2_high=13.9 * MG_PER_DL_PER_MMOL + _ROUNDING,
)
BY_UNIT = {"mg/dL": MG_PER_DL, "mmol/L": MMOL_PER_L}
