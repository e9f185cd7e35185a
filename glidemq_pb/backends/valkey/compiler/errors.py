"""Faults of the compiler itself, as opposed to faults of the program it reads (see diagnostics)."""


class InternalError(Exception):
    """The compiler met something that its own earlier stages should have refused. Please report it."""
