"""The `ducha` command: what a person at a terminal needs, over gRPC only."""
