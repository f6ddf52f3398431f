"""The ledger proves itself: a Merkle tree over facts, signed checkpoints, the parent's witness."""
