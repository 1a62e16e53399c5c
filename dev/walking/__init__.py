"""Which files a message and a window of lines pass."""
