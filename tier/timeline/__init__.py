"""The course of an item, told from the ledger."""
