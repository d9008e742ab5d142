"""Two verifiers for whoever receives a bundle; they share no code with the rest of leaktrace."""
