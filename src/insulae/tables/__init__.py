"""Every number that has a source: parameters, correlations, variables, references.

Holds data only, read by `insulae.core`. Read `parameters.csv` first.
"""
