"""File readers of datasets: listings, hashes, splits, images, tables, texts."""
