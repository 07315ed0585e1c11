"""A person's own data: sensor files, laboratory, tests, doses and meals, read into one table.

May import `core` only. Read `table.py` first, then `read.py`, which finds out what a file is.
"""
