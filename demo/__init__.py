"""The demonstration: `make demo`, or `python -m demo`."""
