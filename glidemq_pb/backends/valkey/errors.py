"""One table from every error of the client to what we do about it.

The client rewrites the server's error texts (`READONLY You can't ...` becomes `... - ReadOnly: You can't ...`),
so a row matches a few words in any letter case, and nothing else is read from a text.
"""

import asyncio
import re
from dataclasses import dataclass
from enum import Enum, auto

from ...errors import QueueConnectionError


class Remedy(Enum):
    """What may help."""

    REPEAT = auto()
    """The same call on the same client: it reconnects by itself, or the server's condition passes."""
    RECONNECT = auto()
    """The same call on a new client: this one is dead, or connected to the wrong node."""
    REOPEN = auto()
    """The same: this one was closed, and will never answer again."""
    WAIT = auto()
    """The same call a little later: nothing is wrong."""
    LOAD = auto()
    """Loading the library, then the same call."""
    GRANT = auto()
    """A permission, from a person."""
    NONE = auto()
    """Whatever it is, a person must do it."""

    @property
    def is_of_an_outage(self) -> bool:
        """Whether something is wrong that may pass."""
        return self in (Remedy.REPEAT, Remedy.RECONNECT, Remedy.REOPEN, Remedy.LOAD)

    @property
    def is_for_a_person(self) -> bool:
        return self in (Remedy.GRANT, Remedy.NONE)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of the client, understood."""

    remedy: Remedy
    problem: str
    """What to tell the user, and what to do about it."""
    vague: bool = False
    """There was no answer, which may have any reason."""

    def at(self, address: str) -> QueueConnectionError:
        """The exception that tells it."""
        return QueueConnectionError(address, self.problem, may_pass=not self.remedy.is_for_a_person)


@dataclass(frozen=True, slots=True)
class Row:
    pattern: str
    remedy: Remedy
    advice: str


# The first row whose pattern is found in the text counts.
TEXTS = (
    Row(r"function not found", Remedy.LOAD, "the function library is not on this server"),
    Row(r"wrongpass|invalid username-password", Remedy.NONE, "the user name or the password is wrong"),
    Row(r"noauth|authentication required", Remedy.NONE, "the server wants a password: give one in the connection"),
    Row(
        r"permissiondenied|noperm|has no permissions",
        Remedy.GRANT,
        "the user lacks a permission: it needs FCALL, FUNCTION LIST, FUNCTION LOAD, BLPOP, XREAD and the queue's keys",
    ),
    Row(
        r"unknown (sub)?command",
        Remedy.NONE,
        "the server has no functions: Valkey 7.2 or later (or Redis 7) is needed, without renamed commands",
    ),
    Row(
        r"\boom\b|outofmemory",
        Remedy.NONE,
        "the server is out of memory: raise its maxmemory or remove data (finishing jobs still works)",
    ),
    Row(r"misconf", Remedy.NONE, "the server cannot save its data and refuses writes: see its log"),
    Row(
        r"readonly|read only replica|no primary node found",
        Remedy.RECONNECT,
        "this is a read-only replica: name the primary in the connection",
    ),
    Row(r"refused to switch database", Remedy.NONE, "the server has no database of this number"),
    Row(r"loading", Remedy.REPEAT, "the server is still reading its data"),
    Row(r"\bbusy\b", Remedy.REPEAT, "the server is busy with a slow script: see FUNCTION STATS and FUNCTION KILL"),
    Row(
        r"clusterdown|masterdown|noreplicas|tryagain|\bmoved\b|\bask\b",
        Remedy.REPEAT,
        "the cluster does not serve this now (a failover, or replicas that are missing)",
    ),
    Row(
        r"inflight request",
        Remedy.WAIT,
        "more requests are under way on this client than its inflight_requests_limit",
    ),
    Row(
        r"no topology views found",
        Remedy.RECONNECT,
        "it does not answer as a cluster: a single server needs cluster=False (no ?cluster=1) in the connection",
    ),
    Row(
        r"invalid peer certificate",
        Remedy.RECONNECT,
        "its certificate is not trusted: give the one who signed it in tls_root_certificates",
    ),
    Row(
        r"connect failed|connection refused|received error for address",
        Remedy.RECONNECT,
        "it cannot be reached; does a server listen there?",
    ),
)


def is_failure(error: Exception) -> bool:
    """Whether it is an error of the client, or a timeout of ours: something `understand` knows."""
    import glide

    return isinstance(error, glide.GlideError | TimeoutError)


def understand(error: Exception, waited_ms: int, *, tls: bool = False, cluster: bool = True) -> Fault:
    """What an error of the client, or a timeout of ours, means after a call that could take `waited_ms`.

    tls, cluster: what kind of client it is.
    """
    import glide

    if isinstance(error, glide.TimeoutError):
        return Fault(Remedy.REPEAT, f"no answer within {waited_ms} ms", vague=True)
    if isinstance(error, asyncio.TimeoutError):
        return Fault(Remedy.RECONNECT, f"no answer within {waited_ms} ms, and no timeout of the client either")
    if isinstance(error, glide.ConnectionError):
        return Fault(Remedy.REPEAT, "the connection was lost", vague=True)
    text = " ".join(str(error).split())
    if not cluster and re.search(r"\bmoved\b", text, re.IGNORECASE):
        return Fault(Remedy.NONE, f"it is one node of a cluster: give cluster=True (?cluster=1) ({text})")
    for row in TEXTS:
        if re.search(row.pattern, text, re.IGNORECASE):
            return Fault(row.remedy, f"{row.advice} ({text}){_tls_hint(text, tls=tls)}")
    if isinstance(error, glide.ClosingError):
        return Fault(Remedy.REOPEN, f"the client was closed; close what uses it first ({text})")
    return Fault(Remedy.NONE, f"the server refused the call ({text})")


def _tls_hint(text: str, *, tls: bool) -> str:
    if tls and re.search(r"timed out|tls|handshake", text, re.IGNORECASE):
        return "; does this port speak TLS? A plain one needs valkey://"
    if not tls and re.search(r"unexpectedly terminated", text, re.IGNORECASE):
        return "; does this port speak TLS? Then it needs valkeys://"
    return ""
