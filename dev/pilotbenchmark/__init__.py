"""``make bench-pilot``: a pilot without remote logging, with the stock remote logger and with our module, in turns."""
