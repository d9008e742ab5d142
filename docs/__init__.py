"""The documentation, and what makes those of its pages that come from the code."""
