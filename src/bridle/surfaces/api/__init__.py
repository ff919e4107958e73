"""The HTTP interface for programs: JSON, with a principal's key."""
