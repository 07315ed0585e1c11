"""State of the graft and of the native beta cells, as the model carries them (not measurable in a patient).

The Igls class and the BETA-2 score are not here: Igls compares with the patient's own values before treatment
and with severe hypoglycemia, which a visit does not hold; the BETA-2 formula could not be checked against the
paper. The source given is the consensus on what is measured in their place: C-peptide, insulin and glycemia.
"""

from insulae.endpoints.base import Floats, endpoint


@endpoint(unit="dimensionless", label="Graft mass", better="higher", source="landstra2021")
def graft_mass(graft_mass: Floats) -> Floats:
    """Surviving transplanted beta-cell mass; 1 = mass of a healthy pancreas."""
    return graft_mass


@endpoint(unit="dimensionless", label="Graft function per mass", better="higher", source="landstra2021")
def graft_function(graft_function: Floats) -> Floats:
    """Secretion of the graft per mass; 1 = healthy beta cells."""
    return graft_function


@endpoint(unit="dimensionless", label="Native beta-cell mass", better="higher", source="landstra2021")
def native_mass(native_mass: Floats) -> Floats:
    """The patient's own beta-cell mass; 1 = healthy reference."""
    return native_mass
