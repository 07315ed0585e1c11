"""Layer 6, what people read: one self-contained page for each run.

May import everything below it, but only reads the files of a finished run and never runs a
simulation. Read `page.py` first, then `reading.py` for what a results folder holds.
"""
