"""Checks that only manifests of earlier generations need."""
