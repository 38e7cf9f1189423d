"""What every reconstruction method has to keep, as checks on small scans whose object is known."""
