"""The package index, read as a place to fetch archives from. Nothing that comes from it is run here."""
