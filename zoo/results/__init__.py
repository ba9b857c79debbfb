"""Results of steps: typed records, the store, and the formatting of figures."""
