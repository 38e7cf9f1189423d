"""Phase G: comparison with the truth."""
