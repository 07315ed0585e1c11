"""Layer 0: the words everything else is written in: parameters, units, random streams, registries, errors.

May import nothing else of Insulae. Read `parameters.py` first.
"""
