"""What a very large study costs: `python docs/examples/scale.py` prints the table of docs/cluster.md.

Every input stands in one place, as an assumption or as a measurement that can be repeated; measure again and
change it here, the table follows.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the table is computed from."""

    # The question: a natural history of type 2 diabetes, one arm, a visit with all endpoints every 26 weeks.
    patients: float = 1e8
    years: float = 10
    patients_per_study: float = 1e6  # the largest population.size
    # Days of that study that are simulated, the mean of the same patients; the others follow from them.
    simulated_days_per_patient: float = 777
    values_per_patient: float = 945  # 21 visits, 45 endpoints
    # Measured with 1,024 patients on one vCPU of an AMD EPYC, the second chunk of a process.
    patient_days_per_core_second: float = 55_000
    starting_state_in_days: float = 196  # finding it costs as much as so many simulated days
    # Measured from the files of that chunk and from the merging of 8 million rows.
    stored_bytes_per_value: float = 4.12
    merged_values_per_second: float = 3.1e6
    # Assumed: a core is one vCPU of a rented machine, and so much of the rented time is spent computing.
    cores: float = 1_000
    share_of_time_used: float = 0.85
    dollars_per_core_hour: float = 0.03
    dollars_per_terabyte_month: float = 23


def rows(inputs: Inputs) -> list[tuple[str, str, str]]:
    """Return the lines of the table: what, how it is computed, how much."""
    i = inputs
    days = i.patients * (i.simulated_days_per_patient + i.starting_state_in_days)
    core_hours = days / i.patient_days_per_core_second / 3600 / i.share_of_time_used
    values = i.patients * i.values_per_patient
    stored = values * i.stored_bytes_per_value
    studies = i.patients / i.patients_per_study
    merging = values / i.merged_values_per_second / 3600
    monthly = stored / 1e12 * i.dollars_per_terabyte_month
    temporary = 8 * i.values_per_patient * i.patients_per_study
    return [
        ("patient-years", "patients x years", f"{i.patients * i.years:.2g}"),
        ("studies", "patients / patients per study", f"{studies:.0f}"),
        ("simulated patient-days", "patients x (days + starting state)", f"{days:.3g}"),
        ("core-hours", "patient-days / throughput / share of time used", f"{core_hours:,.0f}"),
        (f"wall time on {i.cores:,.0f} cores", "core-hours / cores", f"{core_hours / i.cores:.1f} h"),
        ("price of computing", "core-hours x price", f"${core_hours * i.dollars_per_core_hour:,.0f}"),
        ("values stored", "patients x visits x endpoints", f"{values:.3g}"),
        ("bytes per patient-year", "bytes / patient-years", f"{stored / i.patients / i.years:.0f}"),
        ("storage of the results", "values x bytes per value", f"{stored / 1e12:.2f} TB"),
        ("storage while chunks are kept", "twice that", f"{2 * stored / 1e12:.2f} TB"),
        (
            "price of storage",
            "per month, results only",
            f"${monthly:,.0f}",
        ),
        ("merging, one core for each study", "values / speed", f"{merging:.1f} core-hours"),
        ("temporary disk for merging a study", "8 bytes x values", f"{temporary / 1e9:.1f} GB"),
    ]


def table(inputs: Inputs) -> str:
    """Return the table in Markdown."""
    lines = [f"| {what} | {how} | {number} |" for what, how, number in rows(inputs)]
    return "\n".join(["| what | how it is computed | |", "|---|---|---|", *lines])


if __name__ == "__main__":
    print(table(Inputs()))
