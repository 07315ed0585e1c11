"""Statistics of clinical trials on arrays: design constants, estimators, tests; knows no model and no file.

May import numpy, scipy, statsmodels and `insulae.core`. Read `ancova.py` first, then `mmrm.py`; every
routine is held against published or independently computed numbers in `tests/oracles/trials`.
"""
