"""Layer 2: one file per therapy; a file in this folder with a `TherapySpec` is registered by being there.

May import physiology (effects only) and everything in core. Read `base.py` first, then copy `metformin.py`.
"""
