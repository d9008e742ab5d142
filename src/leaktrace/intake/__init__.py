"""What came in, mail and evidence tables, and its campaigns: stored, grouped, tied to customers and sellers."""
