"""`embedded://`: a Valkey server of this machine's own, shared by those who name its folder, gone with the last.

`folder` is what lies in the folder, and the lock under which a server is started and stopped; `supervisor` is the
process that owns the server; `membership` is one process's use of it.
"""
