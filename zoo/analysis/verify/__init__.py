"""A manifest's claims, recomputed."""
