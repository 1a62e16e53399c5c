"""The parts of a development stack on loopback, one a module; ``dev/stack`` and ``dev/agent`` put them together."""
