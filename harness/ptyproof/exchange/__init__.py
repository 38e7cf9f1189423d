"""Hubs in the formats of other programs: as a research object (RO-Crate), and as a report of tests (CTRF)."""
