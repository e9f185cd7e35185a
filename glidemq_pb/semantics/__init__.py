"""What a queue does: the rules of every feature, as plain functions over a Store.

No I/O, no clock, no randomness. CPython runs this package directly (the memory
backend); the compiler translates it into the Lua library that Valkey runs.
"""
