"""Who calls: nodes by their certificates, people and integrators by their tokens."""
