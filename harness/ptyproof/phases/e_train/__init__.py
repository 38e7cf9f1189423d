"""Phase E: training."""
