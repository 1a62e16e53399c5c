"""The tests of the portal; see ``conftest.py``."""
