"""Kidney function, which calcineurin inhibitors and diabetes both lower."""

from insulae.endpoints.base import Floats, endpoint


@endpoint(unit="mL/min/1.73 m2", label="Estimated GFR", better="higher", source="inker2021", cdisc="GFRE")
def egfr(egfr: Floats) -> Floats:
    """Estimated glomerular filtration rate."""
    return egfr
