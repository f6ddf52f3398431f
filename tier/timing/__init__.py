"""Timers: what nodes do by themselves when the moments of assignments come."""
