"""Agents: what one is (definition), how it runs (loop), what it says to a model (model). Uses `gate` and below."""
