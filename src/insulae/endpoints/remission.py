"""Remission of diabetes (consensus: Riddle 2021, doi:10.2337/dci21-0034) and body weight, which drives it."""

from insulae.endpoints.base import Floats, endpoint, percent

DAYS_WITHOUT_DRUGS = 90  # three months


@endpoint(unit="%", label="Diabetes remission", better="higher", source="riddle2021", kind="yes_no")
def remission(hba1c: Floats, days_off_drugs: Floats) -> Floats:
    """HbA1c below 6.5 % at least three months after the last glucose-lowering drug."""
    return percent((hba1c < 6.5) & (days_off_drugs >= DAYS_WITHOUT_DRUGS), hba1c, days_off_drugs)


@endpoint(unit="kg", label="Body weight", better="none", source="lean2018", cdisc="WEIGHT")
def body_weight(body_weight: Floats) -> Floats:
    """Body weight at the visit; whether less is better depends on the patient."""
    return body_weight


@endpoint(unit="kg", label="Change of body weight", better="none", source="lean2018")
def body_weight_change(body_weight: Floats, enrolled_weight: Floats) -> Floats:
    """Body weight less that at enrollment."""
    return body_weight - enrolled_weight
