"""Trials of the patients a study has simulated: how they are drawn, allocated, followed, lost and analyzed.

May import `insulae.statistics`, `insulae.endpoints` and below; simulates no body. Read `protocol.py` first,
then `conduct.py` and `operating.py`.
"""
