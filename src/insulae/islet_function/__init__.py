"""Islet function from tests and laboratory values: C-peptide, secretion, indices, scores, classes.

Works on arrays and numbers, of a person or of a simulated one; may import `core` only. Read `registry.py`
first.
"""
