"""Sites for islets: what is lost at once, where insulin drains, when vessels come, oxygen, risks.

Known: bleeding and portal vein thrombosis after portal infusion; oxygen in empty devices under the skin of
at most 12 mmHg; oxygen under the kidney capsule of rats before and after vessels. Assumed: most of the
rest, with the reason in each row; no site but the portal vein has enough human follow-up to fit anything.
In rats oxygen inside grafted islets stays below that of native ones wherever they are put, so the late
values of the portal vein and the rectus sheath are on the high side. Not modelled: inflammation and
steatosis around islets in the liver, the islets that spill from a site, the wound that a removal makes.
"""

import dataclasses
from typing import Literal

from insulae.core.parameters import parameter
from insulae.therapies.base import Enrolled, Floats, Risks

SiteName = Literal[
    "portal_vein",
    "rectus_sheath",
    "omentum",
    "subcutaneous",
    "subcutaneous_prevascularized",
    "muscle",
    "kidney_capsule",
]
PREFIX = "islet_infusion"
"""Rows of the table are named after the therapy that uses them."""


@dataclasses.dataclass(frozen=True)
class SiteTable:
    """Values and sources: tables/parameters.csv, `islet_infusion.SITE_*`; the last of a site are risks."""

    portal_vein_instant_loss: Floats = parameter("dimensionless")
    portal_vein_portal_fraction: Floats = parameter("dimensionless")
    portal_vein_vascularization: Floats = parameter("dimensionless")
    portal_vein_vascularization_time: Floats = parameter("d")
    portal_vein_oxygen_early: Floats = parameter("mmHg")
    portal_vein_oxygen_late: Floats = parameter("mmHg")
    portal_vein_procedure_bleeding: Floats = parameter("dimensionless")
    portal_vein_portal_vein_thrombosis: Floats = parameter("dimensionless")
    rectus_sheath_instant_loss: Floats = parameter("dimensionless")
    rectus_sheath_portal_fraction: Floats = parameter("dimensionless")
    rectus_sheath_vascularization: Floats = parameter("dimensionless")
    rectus_sheath_vascularization_time: Floats = parameter("d")
    rectus_sheath_oxygen_early: Floats = parameter("mmHg")
    rectus_sheath_oxygen_late: Floats = parameter("mmHg")
    rectus_sheath_wound_complication: Floats = parameter("dimensionless")
    omentum_instant_loss: Floats = parameter("dimensionless")
    omentum_portal_fraction: Floats = parameter("dimensionless")
    omentum_vascularization: Floats = parameter("dimensionless")
    omentum_vascularization_time: Floats = parameter("d")
    omentum_oxygen_early: Floats = parameter("mmHg")
    omentum_oxygen_late: Floats = parameter("mmHg")
    omentum_procedure_bleeding: Floats = parameter("dimensionless")
    omentum_wound_complication: Floats = parameter("dimensionless")
    subcutaneous_instant_loss: Floats = parameter("dimensionless")
    subcutaneous_portal_fraction: Floats = parameter("dimensionless")
    subcutaneous_vascularization: Floats = parameter("dimensionless")
    subcutaneous_vascularization_time: Floats = parameter("d")
    subcutaneous_oxygen_early: Floats = parameter("mmHg")
    subcutaneous_oxygen_late: Floats = parameter("mmHg")
    subcutaneous_wound_complication: Floats = parameter("dimensionless")
    subcutaneous_prevascularized_instant_loss: Floats = parameter("dimensionless")
    subcutaneous_prevascularized_portal_fraction: Floats = parameter("dimensionless")
    subcutaneous_prevascularized_vascularization: Floats = parameter("dimensionless")
    subcutaneous_prevascularized_vascularization_time: Floats = parameter("d")
    subcutaneous_prevascularized_oxygen_early: Floats = parameter("mmHg")
    subcutaneous_prevascularized_oxygen_late: Floats = parameter("mmHg")
    subcutaneous_prevascularized_wound_complication: Floats = parameter("dimensionless")
    muscle_instant_loss: Floats = parameter("dimensionless")
    muscle_portal_fraction: Floats = parameter("dimensionless")
    muscle_vascularization: Floats = parameter("dimensionless")
    muscle_vascularization_time: Floats = parameter("d")
    muscle_oxygen_early: Floats = parameter("mmHg")
    muscle_oxygen_late: Floats = parameter("mmHg")
    muscle_wound_complication: Floats = parameter("dimensionless")
    kidney_capsule_instant_loss: Floats = parameter("dimensionless")
    kidney_capsule_portal_fraction: Floats = parameter("dimensionless")
    kidney_capsule_vascularization: Floats = parameter("dimensionless")
    kidney_capsule_vascularization_time: Floats = parameter("d")
    kidney_capsule_oxygen_early: Floats = parameter("mmHg")
    kidney_capsule_oxygen_late: Floats = parameter("mmHg")
    kidney_capsule_wound_complication: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Site:
    """One site, as it is in each patient.

    `instant_loss` is the share of islets lost within days; `vascularization` the share of vessels that are
    there at once, as in a prevascularized pouch; oxygen (mmHg) is that around the graft before and after
    vessels have come.
    """

    instant_loss: Floats
    portal_fraction: Floats
    vascularization: Floats
    vascularization_time: Floats
    oxygen_early: Floats
    oxygen_late: Floats


EVENTS = ("procedure_bleeding", "portal_vein_thrombosis", "wound_complication")
"""Adverse events of a procedure, under the names they have in every therapy."""


def site_properties(name: str, enrolled: Enrolled) -> Site:
    """Return a site, drawn for each patient."""
    names = [f.name for f in dataclasses.fields(Site)]
    return Site(**{n: enrolled.draw(f"{PREFIX}.{name}_{n}") for n in names})


def site_risks(name: str, enrolled: Enrolled) -> Risks:
    """Return the probability of each adverse event of one procedure at a site."""
    known = {f.name for f in dataclasses.fields(SiteTable)}
    events = [event for event in EVENTS if f"{name}_{event}" in known]
    return {event: enrolled.draw(f"{PREFIX}.{name}_{event}") for event in events}
