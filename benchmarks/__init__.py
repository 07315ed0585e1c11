"""Speed and memory, measured: our simulator beside other engines on the same equations, and whole runs.

May import the package; nothing of the package may import it. Read `ours.py` first, which holds all that knows
the simulator's own functions. Commands: `kernel`, `peers`, `scaling`, `whole_runs`, `startup` and `gpu`.
"""
