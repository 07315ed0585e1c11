"""Layer 1: running many things and keeping what came out; knows no science.

May import core only. Read `store.py` first.
"""
