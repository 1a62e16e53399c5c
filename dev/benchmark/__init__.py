"""``make bench``: DIRAC's own collector and ours, in turns, under the same load."""
