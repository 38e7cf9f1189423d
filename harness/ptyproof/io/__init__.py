"""L2: files: DATA-001 archives, strict JSON, schemas, hashes; the only layer that opens files by format."""
