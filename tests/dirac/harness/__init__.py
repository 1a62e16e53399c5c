"""What the tests in ``tests/dirac`` drive the real parts with: stacks, clients, a stock pilot, an extension."""
