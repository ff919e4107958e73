"""Rego v1 policies through the embedded engine, in a process of its own. Implements `trust.policy`."""
