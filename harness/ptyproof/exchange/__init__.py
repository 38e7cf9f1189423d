"""Hubs that are handed on: as a research object (RO-Crate), as a report of tests (CTRF), and as one hub of several."""
