"""The grid of the day and its conventional hours; every trace and every input is on this grid."""

STEP_MINUTES = 5
MINUTES_PER_DAY = 1440
STEPS_PER_DAY = MINUTES_PER_DAY // STEP_MINUTES
MINUTES_PER_HOUR = 60
HOURS_PER_DAY = MINUTES_PER_DAY // MINUTES_PER_HOUR
FASTING_STEP = 405 // STEP_MINUTES
"""Fasting values are read at 06:45, before breakfast."""
DAYTIME_STEPS = (420 // STEP_MINUTES, 1320 // STEP_MINUTES)
"""Daytime means run from 07:00 to 22:00."""
SLOW_STEPS_PER_DAY = 4
"""The slow clock runs in quarters of a day, so that immune activity never doubles within a step."""
DAYS_PER_WEEK = 7
DAYS_PER_YEAR = 365.25
