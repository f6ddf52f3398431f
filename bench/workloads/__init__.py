"""The work, the same for every line."""
