"""Layer 4: clinical trials: arms of the same patients, contacts and visits, what is measured.

May import populations and everything below; knows neither inference nor economics. Read `simulation.py`
first.
"""
