"""What every test of the project shares."""

from hypothesis import settings

pytest_plugins = ["pytester"]

settings.register_profile("ptyproof", deadline=None, derandomize=True)
settings.load_profile("ptyproof")
