"""Determinism certificates: whether a training gives the same bits again."""
