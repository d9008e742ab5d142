"""Cases as one person works with them: wires the rooms `cases`, `response` and the ledger."""
