"""The study as tests: `pytest --pyargs pytest_ptyproof.real_run -m real_run --artifact-hub DIR`."""
