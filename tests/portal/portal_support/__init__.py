"""What the tests of the portal share."""
