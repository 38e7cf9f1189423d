"""The pytest plugin of ptyproof; `pytest_ptyproof.plugin` is what pytest loads."""
