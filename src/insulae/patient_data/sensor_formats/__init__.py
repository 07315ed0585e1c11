"""Readers of the files of sensor makers, one file each: what it recognizes, and the entries it finds.

May import `core` and its neighbors in `patient_data`. `raw_file.py` says what a reader gets,
`sensor_file.py`, one folder up, asks them in turn.
"""
