"""One message through apprise, in a process of its own: what it may do is limited, and it can be ended.

The parent writes one JSON to stdin and reads one from stdout. From the moment that apprise handles the target
(`guarded`), an audit hook of this process (PEP 578) refuses

- every connection to an address that is not public, as it is made: whatever a name resolved to, a redirect named or
  a plugin thought up. Private addresses go only to a host that the site's owner allowed by name;
- starting a program, and opening a file for writing or outside the installation.

Held by that: what apprise's own Python code and its libraries do. It is no cage for hostile machine code, which
apprise is not. Of our environment the process gets only where Python and the certificates are: no secrets, no proxies.
"""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import socket
import ssl
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.notify.addresses import is_near, is_public
from energy.contact_targets import SERVICES, has_host

MOST_MEMORY_BYTES = 1_000_000_000
EMERGENCY_RETRY_S, EMERGENCY_EXPIRE_S = 60, 3600
_PROGRAMS = ("subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.startfile", "ctypes.")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_OURS = Path(__file__).resolve().parents[2]


def _readable() -> tuple[str, ...]:
    """The folders that may be read: Python's own, its packages, two of ours, certificates and types of files."""
    certificates = ssl.get_default_verify_paths()
    folders = {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(each for each in sys.path if Path(each).name in ("site-packages", "dist-packages", "lib-dynload")),
        *(_OURS / name for name in ("connectors", "energy")),
        *(certificates.cafile, certificates.capath, "/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"),
        *(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")),
        *("/etc/mime.types", "/etc/hosts", "/etc/resolv.conf", "/usr/share/zoneinfo", "/proc/sys", os.devnull),
    }
    return tuple(str(Path(folder).resolve()) + "/" for folder in folders if folder)


_READABLE = _readable()


class Guarded(Exception):
    """Something that a message must not do."""


def guarded(allowed_near: Collection[str] = ()) -> list[str]:
    """From now on this process connects to public addresses only, and to `allowed_near`; there is no way back.

    What was refused is in the list: libraries swallow the exception.
    """
    refused: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        try:
            check(event, args)
        except Guarded as error:
            refused.append(str(error))
            raise

    def check(event: str, args: tuple[Any, ...]) -> None:
        if event in _SENDS:
            _check_connection(args[1], allowed_near)
        elif event.startswith(_PROGRAMS):
            raise Guarded("a program was to be started")
        elif event == "open":
            _check_file(args[0], args[2])

    sys.addaudithook(hook)
    return refused


def _check_connection(where: Any, allowed_near: Collection[str]) -> None:
    if where is None:  # a datagram to whom the socket is connected already, which was checked
        return
    host = where[0] if isinstance(where, tuple) and where and isinstance(where[0], str) else ""
    if not is_public(host) and not (host in allowed_near and is_near(host)):
        raise Guarded(f"address {host or 'of this machine'} is not public")


def _check_file(path: Any, flags: Any) -> None:
    if not isinstance(path, str | bytes):  # a descriptor that is open already
        return
    if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        if os.fsdecode(path) == os.devnull:
            return
        raise Guarded("a file was to be written")
    if not (os.path.realpath(os.fsdecode(path)) + "/").startswith(_READABLE):
        raise Guarded("a file was to be read")


def main() -> None:
    """Read the order, send, tell."""
    sys.dont_write_bytecode = True
    # a server that sends without end meets this
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    order = json.load(sys.stdin)
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever prints, the answer stands alone
    json.dump(_sent(order), answers)


def _sent(order: dict[str, Any]) -> dict[str, Any]:
    import apprise
    from apprise.attachment.memory import AttachMemory

    said: list[str] = []
    _listen(apprise.logger, said)
    # loads every plugin, which nobody may do later
    apprise.Apprise.instantiate("json://localhost")
    gateway = urlsplit(order["pushover_api_url"] or "").hostname
    refused = guarded(_allowed_near(order["target"], order["allow_private"]) | _addresses(gateway))
    try:
        asset = apprise.AppriseAsset(
            app_id="CommandCenter", app_desc="CommandCenter", app_url="", http_redirects=False, storage_mode="memory"
        )
        way = apprise.Apprise.instantiate(order["target"], asset=asset, suppress_exceptions=True)
        if way is None:
            return {"ok": False, "status": None, "says": "apprise does not understand it", "refused": refused}
        if len(way) > 1:
            # where one of them fails, the others would hear every new try
            return {"ok": False, "status": None, "says": "", "refused": refused, "several": len(way)}
        if calls_plainly(way, order["target"]) and not _is_allowed(order):
            return {"ok": False, "status": None, "says": "", "refused": refused, "plain": True}
        _tune(way, order)
        attached = None
        if order["png"] and way.attachment_support:
            png: Any = AttachMemory(  # type: ignore[no-untyped-call]  # apprise's, untyped there
                content=base64.b64decode(order["png"]), name="chart.png", mimetype="image/png"
            )
            attached = apprise.AppriseAttachment([png])
        kinds = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}
        together = apprise.Apprise(asset=asset)  # it turns plain text into what the service reads
        together.add(way)
        # apprise sends nothing where there is no text
        title, text = (order["title"], order["text"]) if order["text"].strip() else ("", order["title"])
        ok = together.notify(
            title=title,
            body=text,
            notify_type=kinds.get(order["level"], apprise.NotifyType.INFO),
            body_format=apprise.NotifyFormat.TEXT,
            attach=attached,
        )
    except Exception as error:  # noqa: BLE001  whatever a plugin raises is the parent's to judge
        return {"ok": False, "status": None, "says": f"its sender failed ({type(error).__name__})", "refused": refused}
    found = [int(code) for line in said for code in re.findall(r"error=(\d{3})\b", line)]
    return {"ok": bool(ok), "status": found[-1] if found else None, "says": "", "refused": refused}


def _tune(way: Any, order: dict[str, Any]) -> None:
    """What a person's address must not decide, and the emergency priority of what is critical."""
    way.redirects = False
    way.verify_certificate = True
    way.overflow_mode = "truncate"  # else what is too long for the service is refused there
    way.socket_connect_timeout = way.socket_read_timeout = 8.0
    scheme = urlsplit(order["target"]).scheme.lower()
    if scheme == "pover" and order["pushover_api_url"]:
        way.notify_url = f"{order['pushover_api_url'].rstrip('/')}/1/messages.json"
    if order["level"] != "critical":
        return
    if scheme == "pover":  # repeated until somebody confirms it on the phone
        way.priority = 2
        way.interval = getattr(way, "interval", None) or EMERGENCY_RETRY_S
        way.expire = getattr(way, "expire", None) or EMERGENCY_EXPIRE_S
    elif scheme in ("ntfy", "ntfys"):
        way.priority = "max"
    elif scheme in ("gotify", "gotifys"):
        way.priority = 10


def _allowed_near(target: str, allow_private: Collection[str]) -> frozenset[str]:
    """The addresses of the target's own host where the owner allowed it, as they are now."""
    host = (urlsplit(target).hostname or "").rstrip(".")
    if not has_host(target) or host not in allow_private:
        return frozenset()
    return _addresses(host)


def _addresses(host: str | None) -> frozenset[str]:
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(host, None)) if host else frozenset()
    except OSError:
        return frozenset()


def _listen(logger: Any, said: list[str]) -> None:
    """What apprise logs: the only place where it tells why."""
    import logging

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger.handlers[:] = [Kept()]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


def calls_plainly(way: Any, target: str) -> bool:
    """Whether apprise, having read the address in its own manner, would call a person's host without encryption."""
    service = SERVICES[urlsplit(target).scheme.lower()]
    return service.plain and not way.secure and getattr(way, "mode", None) != "cloud"


def _is_allowed(order: dict[str, Any]) -> bool:
    return (urlsplit(order["target"]).hostname or "").rstrip(".") in order["allow_private"]


def is_plain(target: str) -> bool:
    """Whether the target's host is called without encryption."""
    service = SERVICES.get(urlsplit(target).scheme.lower())
    return service is not None and service.plain and has_host(target)
