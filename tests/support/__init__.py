"""What tests of several folders share beside fixtures: the types of what their fixtures give."""
