"""The bare floor: what four tiers cost when they do nothing but carry rows."""
