"""CGM analytics for real or simulated sensor data: metrics, hypoglycemic episodes and the glucose profile.

May import numpy and the standard library only, never the simulator. Read `metrics.py` first.
"""
