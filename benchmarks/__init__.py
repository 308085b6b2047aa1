"""Time and memory, measured on the machine at hand: `make bench`."""
