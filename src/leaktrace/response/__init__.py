"""What follows from a finding: contain, tell, state, hand over. Plans first, then acts."""
