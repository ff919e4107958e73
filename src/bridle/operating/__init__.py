"""How agents take part in the organisation's work."""
