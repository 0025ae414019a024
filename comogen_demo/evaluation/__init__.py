"""Measuring what a model makes against what the simulator says happens."""
