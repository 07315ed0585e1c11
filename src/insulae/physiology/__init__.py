"""Layer 1: the mechanistic body, from minutes (`fast/`) to decades (`slow/`), as pure functions on arrays.

May import JAX and `insulae.core` only; nothing outside acts on it except through `effects.py`.
Read `body.py` first: it wires the components.
"""
