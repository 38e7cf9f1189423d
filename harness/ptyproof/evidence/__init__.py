"""L5: the phases of a study, each with its files and its manifest."""
