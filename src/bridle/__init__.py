"""Bridle: a harness that lets a fleet of agents do real work without anyone having to trust them."""

__version__ = "0.1.0"
