"""Assessment of methods on a measurement, whose truth is unknown."""
