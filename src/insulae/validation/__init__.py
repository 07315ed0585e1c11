"""Published studies simulated and held against what they observed; above `report`, below `cli`.

May import everything but `cli`. Read `questions.py` first: how an observed value is asked of simulated
people; then `catalogue.py` (the folder), `prediction.py` (a trial of that size), `judgment.py`, `run.py`.
"""
