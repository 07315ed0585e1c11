"""Insulae simulates the restoration of insulin production in diabetes, tied to published evidence.

The package is layered (see ARCHITECTURE.md); the command line is `insulae`. Read `insulae.study.run` first.
Every result is simulated and is not medical advice.
"""

__version__ = "0.1.0"
