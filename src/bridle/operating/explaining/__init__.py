"""Explains an action long after it: finds its records, says what they say, verifies them, and tells it in words."""
