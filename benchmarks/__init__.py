"""Measurements of speed and memory: our simulator beside other engines on the same equations, and whole runs.

May import the package, and nothing of the package may import it. Read `ours.py` first: it holds all that knows
the simulator's own functions; the commands are `kernel`, `peers`, `scaling`, `whole_runs`, `startup` and `gpu`.
"""
