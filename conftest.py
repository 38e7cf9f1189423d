"""The plugins that the tests of this checkout use; fixtures stand in `tests/conftest.py`."""

pytest_plugins = ["pytester", "pytest_ptyproof.plugin"]
