"""How Ducha is installed and run."""
