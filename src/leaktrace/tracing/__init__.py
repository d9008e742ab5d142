"""From evidence to a finding: what is asked of the ledger, what the model says of it, what is told and remembered."""
