"""Exposures and evidence to a finding. Pure: no I/O, no clock, no global state."""
