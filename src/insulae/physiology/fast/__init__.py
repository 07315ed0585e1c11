"""Components on the clock of minutes; one file each, they know one another only through `signals.py`.

May import JAX, `insulae.core` and the signal and effect records.
Read `glucose.py` first; it shows the contract that `insulae.physiology.component` describes.
"""
