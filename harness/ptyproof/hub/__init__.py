"""The artifact hub: its index, its layout, and the verdict on a test run."""
