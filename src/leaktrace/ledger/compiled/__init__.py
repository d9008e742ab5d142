"""The ledger's inner loops in machine code: looking at texts, sorting rows, packing postings and finding them."""
