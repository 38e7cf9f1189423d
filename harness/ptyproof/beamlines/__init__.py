"""Files of beamlines, read by the readers that the field keeps and made DATA-001 datasets."""
