"""Jobs in processes of their own: start, state, limits, and an end that is always recorded."""
