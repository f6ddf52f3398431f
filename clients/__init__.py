"""Clients of Ducha: they speak gRPC only, like any integrator."""
