"""What a test lets a line refuse calls with, as `line_of(component).refusals`."""

from glidemq_pb import QueueConnectionError

UNREACHABLE = QueueConnectionError("valkey://nowhere:1", "it cannot be reached")
