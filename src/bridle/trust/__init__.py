"""Who may do what, and how it is proved. Uses `core` only."""
