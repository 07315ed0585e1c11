"""Thresholds of hypoglycemia that the simulated day and the clinic share (ihsg2017, battelino2023)."""

LEVEL_1_LOW = 70.0
"""Glucose in mg/dL below which hypoglycemia begins (level 1); level 3, severe, has no threshold."""

LEVEL_2_LOW = 54.0
"""Glucose in mg/dL below which the brain lacks glucose and help may be needed (level 2)."""
