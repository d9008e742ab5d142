"""A seeded marketplace with known truth: files on disk, real messages."""
