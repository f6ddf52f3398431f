"""Petitions: what executors ask of who assigned, and what is decided."""
