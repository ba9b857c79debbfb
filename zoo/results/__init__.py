"""What steps leave behind: typed records, the store, and how figures are written."""
