"""Fits behind rows of the parameter table: `python -m calibration.NAME` repeats one and prints its misses.

May import the package; nothing of the package may import it. Read `fitting.py` first; each other file is one
fit with its studies, its targets and their sources.
"""
