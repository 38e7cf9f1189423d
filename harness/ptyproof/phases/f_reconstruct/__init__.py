"""Phase F: reconstruction by every method."""
