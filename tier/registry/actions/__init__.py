"""What the registry does: ask, take answers, withdraw."""
