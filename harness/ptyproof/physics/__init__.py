"""L1: the physics of a ptychography experiment; numpy arrays in, numpy arrays out."""
