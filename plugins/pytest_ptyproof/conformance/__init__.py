"""Whether a method keeps the interface and the physics: `pytest --pyargs pytest_ptyproof.conformance`."""
