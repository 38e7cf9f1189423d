"""Phase C: simulated datasets of each dose."""
