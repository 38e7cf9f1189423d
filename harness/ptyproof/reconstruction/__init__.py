"""L4: objects from patches and from patterns."""
