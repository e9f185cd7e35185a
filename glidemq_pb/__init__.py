"""A job queue on Valkey whose rules also run in memory, under a virtual clock.

The public names. The test kit is `glidemq_pb.testing`.
"""

from .backends.backend import Backend
from .connection import Connection
from .deduplication import Deduplication
from .errors import (
    BulkError,
    ClosedError,
    DuplicateJobError,
    FormatError,
    GlideMQError,
    GroupRateLimitError,
    InvalidOptionsError,
    InvalidStateError,
    JobAbortedError,
    JobFailedError,
    JobNotFoundError,
    JobWaitTimeoutError,
    PayloadTooLargeError,
    QueueConnectionError,
    RateLimitError,
    SerializationError,
    UnrecoverableError,
)
from .event import QueueEvent
from .explanation import Explanation, WaitReason
from .flow import DagNode, FlowJob, chain, chord, group
from .flow_producer import FlowProducer
from .flow_tree import FlowNode
from .job import Job, JobState
from .job_options import JobOptions, NewJob
from .loops import new_event_loop
from .options import Backoff, Keep
from .ordering import Ordering, RateLimit, TokenBucket
from .producer import Producer
from .queue import JobCounts, JobLogs, MetricPoint, Metrics, Queue
from .queue_administration import WorkerInfo
from .queue_events import QueueEvents
from .run import AbortSignal
from .schedule import JobTemplate, Schedule, SchedulerInfo
from .serializers import JSON_SERIALIZER, Serializer
from .serverless import ServerlessPool, serverless_pool
from .shutdown import graceful_shutdown
from .worker import Worker

__all__ = [
    "JSON_SERIALIZER",
    "AbortSignal",
    "Backend",
    "Backoff",
    "BulkError",
    "ClosedError",
    "Connection",
    "DagNode",
    "Deduplication",
    "DuplicateJobError",
    "Explanation",
    "FlowJob",
    "FlowNode",
    "FlowProducer",
    "FormatError",
    "GlideMQError",
    "GroupRateLimitError",
    "InvalidOptionsError",
    "InvalidStateError",
    "Job",
    "JobAbortedError",
    "JobCounts",
    "JobFailedError",
    "JobLogs",
    "JobNotFoundError",
    "JobOptions",
    "JobState",
    "JobTemplate",
    "JobWaitTimeoutError",
    "Keep",
    "MetricPoint",
    "Metrics",
    "NewJob",
    "Ordering",
    "PayloadTooLargeError",
    "Producer",
    "Queue",
    "QueueConnectionError",
    "QueueEvent",
    "QueueEvents",
    "RateLimit",
    "RateLimitError",
    "Schedule",
    "SchedulerInfo",
    "SerializationError",
    "Serializer",
    "ServerlessPool",
    "TokenBucket",
    "UnrecoverableError",
    "WaitReason",
    "Worker",
    "WorkerInfo",
    "chain",
    "chord",
    "graceful_shutdown",
    "group",
    "new_event_loop",
    "serverless_pool",
]
