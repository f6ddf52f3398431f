"""The small certificate authority and the embedded issuer of tokens."""
