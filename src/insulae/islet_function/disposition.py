"""Early insulin response, and the same with regard to insulin sensitivity (disposition)."""

from insulae.islet_function.data import CannotBeComputed, IsletData, at, fasting, need_oral_glucose
from insulae.islet_function.registry import index
from insulae.islet_function.sensitivity import PMOL_PER_MILLIUNIT, fasting_units, matsuda


@index(
    label="Insulinogenic index",
    unit="uU/mL per mg/dL",
    definition="(insulin at 30 minutes less fasting) / (glucose at 30 minutes less fasting)",
    source="seltzer1967",
)
def insulinogenic(data: IsletData) -> float:
    """Early insulin response of an oral glucose tolerance test."""
    need_oral_glucose(data)
    rise = at(data.glucose, 30.0, "glucose") - fasting(data.glucose, "glucose")
    if rise <= 0.0:
        raise CannotBeComputed("glucose does not rise in the first 30 minutes")
    insulin = at(data.insulin, 30.0, "insulin") - fasting(data.insulin, "insulin")
    return insulin / PMOL_PER_MILLIUNIT / rise


@index(
    label="Oral disposition index",
    unit="1/(mg/dL)",
    definition="insulinogenic index / fasting insulin (uU/mL)",
    source="utzschneider2009",
)
def oral_disposition(data: IsletData) -> float:
    """Early response with regard to the sensitivity that fasting insulin shows."""
    insulin = fasting_units(data)
    if insulin <= 0.0:
        raise CannotBeComputed("fasting insulin is zero")
    return insulinogenic(data) / insulin


@index(
    label="Disposition index",
    unit="",
    definition="insulinogenic index x Matsuda index",
    source="matsuda1999",
)
def disposition(data: IsletData) -> float:
    """Early response with regard to the sensitivity of the whole test."""
    return insulinogenic(data) * matsuda(data)
