"""How the cells are made: starting lines, growth and differentiation, release tests, the plant, the cost.

May import `core` and nothing else of the package; therapies take finished lots from `supply.py`.
Read `lot.py` first, then `making.py`, which puts the steps together.
"""
