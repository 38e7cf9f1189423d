"""What checks work on: the document, its files, findings and codes."""
