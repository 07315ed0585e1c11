"""Layer 4: learning from a person's own data: experiments, prior, likelihood, posterior, digital twins.

May import populations and everything below, not trials. Read `person.py` first, then `experiments.py`.
"""
