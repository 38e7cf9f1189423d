"""What phases write, and how it stays true: manifests, the ledger of cells, archives of reconstructions."""
