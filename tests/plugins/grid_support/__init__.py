"""A grid stack as the tests of the storage element plugin use it."""
