"""Endpoints: what a trial measures, one function each, grouped by family and registered by name.

May import numpy, `insulae.core` and `insulae.cgm`; they see the arrays of a visit and never the model.
Read `base.py` first, then `glycemia.py` as the example to copy.
"""
