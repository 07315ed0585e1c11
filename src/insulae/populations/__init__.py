"""Layer 3: virtual patients: what defines them, how they are sampled, how their starting state is found.

May import therapies, endpoints and everything below. Read `patient.py` first, then `baseline.py`.
"""
