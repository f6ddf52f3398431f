"""What keeps the house in order: generators, house laws and the runner of all checks."""
