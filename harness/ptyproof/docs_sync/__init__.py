"""L5: documents that say what is so: blocks in them are rewritten from the tests and from a hub's index."""
