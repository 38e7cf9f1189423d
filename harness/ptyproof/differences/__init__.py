"""What differs between two hubs, or two manifests of one kind: cells, metrics, hashes, environment, design."""
