"""Layer 3: virtual patients: what defines them, how they are sampled, how they come to a consistent starting state.

May import therapies, endpoints and everything below. Read `patient.py` first, then `baseline.py`.
"""
