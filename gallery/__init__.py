"""The gallery: one figure for each family of studies, drawn beside what was published, with the misses named.

May import the package; nothing of the package may import it. Read `families.yaml` first, where a family is
one entry; `make figures` runs the studies, draws the figures and writes docs/gallery.md.
"""
