"""Layer 7: the command line; no science, and nothing imports it.

May import everything below, inside the commands only, so that help appears at once. Read `main.py` first.
"""
