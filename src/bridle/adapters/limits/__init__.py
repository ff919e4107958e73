"""Limits in the configuration folder."""
