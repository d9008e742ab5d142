"""`python -m leaktrace`."""

from leaktrace.start import run

run()
