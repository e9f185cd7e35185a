"""The synchronous face: for code that is not async, such as Django views and scripts."""

from .job import Job
from .producer import Producer
from .queue import Queue

__all__ = ["Job", "Producer", "Queue"]
