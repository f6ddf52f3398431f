"""What can be done with items and assignments: one transaction each."""
