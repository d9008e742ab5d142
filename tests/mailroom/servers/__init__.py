"""Mail servers by others, started for a test on loopback with all they write under a folder of their own."""
