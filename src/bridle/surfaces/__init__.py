"""Faces of one system. They do not import each other."""
