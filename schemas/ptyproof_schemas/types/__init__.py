"""Types of records, a module for each kind of file. Generated: `python -m tests.helpers.record_types`."""
