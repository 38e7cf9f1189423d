"""The checks: each module yields findings about one kind of fault."""
