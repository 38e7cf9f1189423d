"""Jobs, each in its own process: start, state, limits, and a recorded end."""
