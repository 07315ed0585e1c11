"""Layer 5: one YAML file is one study: its options, its checks, the one pipeline from file to results.

May import trials and everything below; never the report. Read `run.py` first.
"""
