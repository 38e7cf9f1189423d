"""The phases of a study. They meet only in files: no phase imports another."""
