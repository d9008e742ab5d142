"""What follows from a case: plans first, then acts."""
