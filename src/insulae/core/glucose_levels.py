"""Thresholds of hypoglycemia that the simulated day and the clinic share (ihsg2017, battelino2023)."""

LEVEL_2_LOW = 54.0
"""Glucose in mg/dL below which hypoglycemia is clinically important (level 2); level 3 has no threshold."""
