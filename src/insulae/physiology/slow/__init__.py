"""Components on the clock of days; one file each, they know one another only through `signals.py`.

May import JAX, `insulae.core` and the signal and effect records.
Read `beta_cells.py` first; it shows the contract that `insulae.physiology.component` describes.
"""
