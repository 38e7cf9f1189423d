"""What phases write: manifests, ledgers of cells, archives of reconstructions."""
