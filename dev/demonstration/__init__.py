"""``make demo``: simulated pilots against a stack, and a comparison of every byte sent with every byte stored."""
