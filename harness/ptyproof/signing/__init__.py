"""Signed statements about hubs: an in-toto test result over the index, in a DSSE envelope beside it."""
