"""One network for many scans: trained on simulated objects, probes, doses and flaws, and used without a training."""
