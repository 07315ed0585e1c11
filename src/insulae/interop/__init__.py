"""Results of a finished run in the formats of others; reads results, never runs anything.

May import study and what lies below, not report. Start with `cdisc.py`.
"""
