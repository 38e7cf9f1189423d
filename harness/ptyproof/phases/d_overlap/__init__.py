"""Phase D: overlap views of each dose."""
