"""L4: the unsupervised physics-informed network and its training; torch and Lightning live here."""
