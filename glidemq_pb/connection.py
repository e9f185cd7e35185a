"""Where a store is and how to talk to it: the `Connection` record and the URLs that stand for one."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from .errors import InvalidOptionsError, duration_ms

URL_VARIABLE: Final = "GLIDEMQ_URL"
PORT_DEFAULT: Final = 6379
TIMEOUT_MS_MAX: Final = 86_400_000

ReadFrom = Literal[
    "primary", "prefer_replica", "az_affinity", "az_affinity_replicas_and_primary", "all_nodes", "az_affinity_all_nodes"
]
READ_FROM: Final[tuple[str, ...]] = get_args(ReadFrom)


@dataclass(frozen=True, init=False)
class Connection:
    """How to reach a Valkey server or cluster. Raises `InvalidOptionsError` when built with a bad value."""

    addresses: tuple[tuple[str, int], ...]
    """Hosts and ports: of a cluster any of its nodes, else the primary and (for reads) its replicas."""
    cluster: bool
    tls: bool
    username: str | None
    password: str | None = field(repr=False)
    database: int
    request_timeout: int
    """Milliseconds that one sending of a call may take, before it is repeated."""
    connect_timeout: int
    """Milliseconds that connecting may take before it fails."""
    retry_timeout: int
    """Milliseconds for which a call is repeated when the connection breaks, before it fails."""
    inflight_requests_limit: int
    """Calls under way at once on one client; more of them wait."""
    read_from: ReadFrom
    """Which nodes answer what people look at (jobs, logs, metrics, ...); from a replica it may be out of date. Counts,
    and whatever changes or decides something, come from the primary."""
    client_az: str | None
    """The availability zone of this process, for the `az_*` values of `read_from`."""
    client_name: str | None
    """Shown by CLIENT LIST; default: queue, component and role, as `glidemq_pb:mail:worker:listener`."""
    tls_root_certificates: bytes | None = field(repr=False)
    """PEM of the authorities to trust instead of the system's."""

    def __init__(
        self,
        addresses: Sequence[tuple[str, int]] = (("localhost", PORT_DEFAULT),),
        *,
        cluster: bool = False,
        tls: bool = False,
        username: str | None = None,
        password: str | None = None,
        database: int = 0,
        request_timeout: int | timedelta = 5_000,
        connect_timeout: int | timedelta = 5_000,
        retry_timeout: int | timedelta = 30_000,
        inflight_requests_limit: int = 1_000,
        read_from: ReadFrom = "primary",
        client_az: str | None = None,
        client_name: str | None = None,
        tls_root_certificates: bytes | None = None,
    ) -> None:
        values: dict[str, Any] = {
            "addresses": _addresses(addresses),
            "cluster": _flag("cluster", cluster),
            "tls": _flag("tls", tls),
            "username": _text("username", username),
            "password": _text("password", password, secret=True),
            "database": _integer("database", database, 0, 2**31 - 1),
            "request_timeout": _timeout("request_timeout", request_timeout),
            "connect_timeout": _timeout("connect_timeout", connect_timeout),
            "retry_timeout": _timeout("retry_timeout", retry_timeout),
            "inflight_requests_limit": _integer("inflight_requests_limit", inflight_requests_limit, 1, 2**31 - 1),
            "read_from": _read_from(read_from),
            "client_az": _text("client_az", client_az),
            "client_name": _text("client_name", client_name),
            "tls_root_certificates": tls_root_certificates,
        }
        if username is not None and password is None:
            raise InvalidOptionsError(f"username={username!r}: a user name needs a password")
        if read_from.startswith("az_") and not client_az:
            raise InvalidOptionsError(f"read_from={read_from!r}: it needs client_az, the zone of this process")
        if tls_root_certificates is not None and not (tls and tls_root_certificates):
            raise InvalidOptionsError("tls_root_certificates: it needs tls=True and at least one PEM certificate")
        if client_name is not None and not re.fullmatch(r"[!-~]+", client_name):
            raise InvalidOptionsError(f"client_name={client_name!r}: printable ASCII without spaces is allowed")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def address(self) -> str:
        """Where it is, without credentials, for messages."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.addresses)
        return f"{'valkeys' if self.tls else 'valkey'}://{hosts}{f'/{self.database}' if self.database else ''}"


@dataclass(frozen=True, slots=True)
class MemoryAddress:
    """A store in this process: all that give the same name share it."""

    name: str


@dataclass(frozen=True)
class EmbeddedAddress:
    """A server of this machine's own (see `embedded`): in a folder, or None, in one that ends with this process."""

    folder: Path | None

    @property
    def address(self) -> str:
        """Its URL."""
        return "embedded://" if self.folder is None else f"embedded://{quote(str(self.folder))}"


Address = Connection | MemoryAddress | EmbeddedAddress


def parse(connection: str | Connection | None) -> Address:
    """What a component's `connection` argument stands for: a record, a URL, or None for GLIDEMQ_URL.

    `valkey://user:password@host:port/database?cluster=1` (`valkeys://` for TLS; several hosts with commas; the other
    fields of `Connection` as further parameters), `memory://name`, `embedded://` and `embedded:///folder`.
    Raises `InvalidOptionsError`.
    """
    if isinstance(connection, Connection):
        return connection
    if connection is None:
        url = os.environ.get(URL_VARIABLE)
        if not url:
            raise InvalidOptionsError(
                "connection=None: no store was named; pass connection='valkey://host:6379' (or a Connection), "
                f"or set the environment variable {URL_VARIABLE}"
            )
        return _parse_url(url, URL_VARIABLE)
    if isinstance(connection, str):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
        return _parse_url(connection, "connection")
    raise InvalidOptionsError(f"connection={connection!r}: a URL, a Connection or None is allowed")


# --- URLs ------------------------------------------------------------------------------------------------------------


def _parse_url(url: str, option: str) -> Address:
    parts = urlsplit(url)
    match parts.scheme:
        case "valkey" | "valkeys":
            return _parse_valkey(parts, f"{option}={_redacted(url)!r}")
        case "memory":
            return MemoryAddress(unquote(f"{parts.netloc}{parts.path}"))
        case "embedded":
            if parts.netloc or parts.query or parts.fragment or (parts.path and "\x00" in unquote(parts.path)):
                raise _bad(option, url, "embedded:// or embedded:///folder, with three slashes and no parameter")
            return EmbeddedAddress(Path(unquote(parts.path)) if parts.path else None)
        case "redis" | "rediss":
            raise _bad(option, url, "write valkey:// (or valkeys:// for TLS); the server may be Redis 7 too")
        case _:
            raise _bad(option, url, "a URL begins with valkey://, valkeys://, memory:// or embedded://")


def _parse_valkey(parts: SplitResult, shown: str) -> Connection:
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    database = parts.path.strip("/")
    if database and not re.fullmatch(r"[0-9]{1,9}", database):
        raise InvalidOptionsError(
            f"{shown}: after the host comes the number of a database; in a password write / as %2F and @ as %40"
        )
    options: dict[str, Any] = {
        "addresses": [_address(host, shown) for host in hosts.split(",")],
        "tls": parts.scheme == "valkeys",
        "username": unquote(user) or None,
        "password": unquote(password) or None,
        "database": int(database or 0),
    }
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in URL_PARAMETERS:
            raise InvalidOptionsError(
                f"{shown}: there is no parameter {name!r}; {', '.join(URL_PARAMETERS)} are allowed"
            )
        try:
            options[name] = URL_PARAMETERS[name](value)
        except ValueError:
            raise InvalidOptionsError(f"{shown}: {name}={value!r} is not a number or a flag (0 or 1)") from None
    return Connection(**options)


def _flag_parameter(value: str) -> bool:
    if value.lower() not in {"0", "1", "false", "true"}:
        raise ValueError(value)
    return value.lower() in {"1", "true"}


URL_PARAMETERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "cluster": _flag_parameter,
    "request_timeout": int,
    "connect_timeout": int,
    "retry_timeout": int,
    "inflight_requests_limit": int,
    "read_from": str,
    "client_az": str,
    "client_name": str,
}


def _address(text: str, shown: str) -> tuple[str, int]:
    if (found := re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?", text)) is None:
        raise InvalidOptionsError(f"{shown}: {text!r} is not host:port")
    host, port = found.groups()
    return host.strip("[]") or "localhost", int(port or PORT_DEFAULT)


def _bad(option: str, url: str, allowed: str) -> InvalidOptionsError:
    return InvalidOptionsError(f"{option}={_redacted(url)!r}: {allowed}")


def _redacted(url: str) -> str:
    """The URL without credentials; greedy, as a password may hold an unescaped `@` or `/`."""
    return re.sub(r"//.*@", "//***@", url)


# --- values ----------------------------------------------------------------------------------------------------------


def _addresses(value: object) -> tuple[tuple[str, int], ...]:
    allowed = "addresses: a list of (host, port) with at least one is allowed"
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise InvalidOptionsError(f"{allowed}, not {value!r}")
    addresses: list[tuple[str, int]] = []
    for one in cast("Sequence[object]", value):
        match one:
            case (str(host), int(port)) if host and type(port) is int and 1 <= port <= 65_535:
                addresses.append((host, port))
            case _:
                raise InvalidOptionsError(f"{allowed} (a port is 1 to 65535), not {one!r}")
    return tuple(addresses)


def _flag(option: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidOptionsError(f"{option}={value!r}: True or False is allowed")
    return value


def _integer(option: str, value: object, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise InvalidOptionsError(f"{option}={value!r}: an int from {lowest} to {highest} is allowed")
    return value


def _timeout(option: str, value: int | timedelta) -> int:
    milliseconds = duration_ms(option, value, minimum=1)
    if milliseconds > TIMEOUT_MS_MAX:
        raise InvalidOptionsError(f"{option}={value!r}: at most {TIMEOUT_MS_MAX} ms (a day) is allowed")
    return milliseconds


def _text(option: str, value: object, *, secret: bool = False) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        shown = "" if secret else f"={value!r}"
        raise InvalidOptionsError(f"{option}{shown}: a text that is not empty, or None, is allowed")
    return value


def _read_from(value: object) -> str:
    if not isinstance(value, str) or value not in READ_FROM:
        raise InvalidOptionsError(f"read_from={value!r}: {', '.join(READ_FROM)} are allowed")
    return value
