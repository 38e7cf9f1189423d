"""Metrics: their definitions, units and directions, and their values."""
