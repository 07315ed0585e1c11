"""C-peptide of a test: fasting, stimulated, area, and with regard to glucose (Greenbaum 2008)."""

from insulae.islet_function.data import CannotBeComputed, IsletData, area, at, fasting, highest
from insulae.islet_function.registry import index

C_PEPTIDE, GLUCOSE = "C-peptide", "glucose"
PMOL_PER_NMOL = 1000.0


@index(
    label="Fasting C-peptide",
    unit="pmol/L",
    definition="mean of the samples of the half hour before the test",
    source="greenbaum2008",
)
def fasting_c_peptide(data: IsletData) -> float:
    """C-peptide before the test."""
    return fasting(data.c_peptide, C_PEPTIDE)


@index(
    label="Peak C-peptide", unit="pmol/L", definition="highest sample after the start", source="greenbaum2008"
)
def stimulated_c_peptide(data: IsletData) -> float:
    """Highest C-peptide of the test."""
    return highest(data.c_peptide, C_PEPTIDE)


@index(
    label="C-peptide at 90 minutes",
    unit="pmol/L",
    definition="sample at 90 minutes, at most two minutes off",
    source="greenbaum2008",
)
def c_peptide_90(data: IsletData) -> float:
    """C-peptide 90 minutes after the start."""
    return at(data.c_peptide, 90.0, C_PEPTIDE)


@index(
    label="C-peptide area over two hours",
    unit="pmol/L*min",
    definition="trapezoidal rule from 0 to 120 minutes",
    source="greenbaum2008",
)
def c_peptide_auc(data: IsletData) -> float:
    """Area under the C-peptide curve."""
    return area(data.c_peptide, 120.0, C_PEPTIDE)


@index(
    label="C-peptide rise over glucose rise at 30 minutes",
    unit="pmol/L per mg/dL",
    definition="(C-peptide at 30 minutes less fasting) / (glucose at 30 minutes less fasting)",
    source="seltzer1967",
)
def c_peptide_index(data: IsletData) -> float:
    """Early response by C-peptide, which the liver does not take up."""
    rise = at(data.glucose, 30.0, GLUCOSE) - fasting(data.glucose, GLUCOSE)
    if rise <= 0.0:
        raise CannotBeComputed("glucose does not rise in the first 30 minutes")
    return (at(data.c_peptide, 30.0, C_PEPTIDE) - fasting(data.c_peptide, C_PEPTIDE)) / rise
