"""A study in an artifact hub: the matrix, the folder of a run, commands as runs."""
