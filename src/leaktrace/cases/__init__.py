"""Cases: what was done about a leak, by whom, and how that is proven afterwards."""
