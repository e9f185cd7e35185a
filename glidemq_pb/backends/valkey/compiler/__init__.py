"""Restricted, typed Python to one readable Valkey function library.

frontend (Python `ast` to a typed tree) -> checks (whole-operation rules) -> lower (to Lua AST) -> printer (to text).
"""
