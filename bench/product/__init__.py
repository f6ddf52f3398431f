"""Ducha as a line: its four services, driven by their public gRPC API alone."""
