"""Layer 1: compiles a function of one patient into fast code for many patients; knows no science.

May import core only. Read `kernel.py` first: one contract, two compilers, native vector code and XLA.
"""
