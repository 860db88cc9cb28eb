"""The server of the explorer: on 127.0.0.1 alone, for those who know the address, and without a state of its own.

* The address has a random token; whatever lacks it is answered 403 and nothing else. So is a request whose ``Host`` is
  not this server's (a name on the web that was pointed at 127.0.0.1) or whose ``Origin`` is another page. There are no
  websockets: a request for one is an ordinary request without an answer.
* The files of the page are read once, by name, when the server starts: no path of a request is ever one on the disk.
* Bodies are bounded. A fault of the input is one line; an unexpected one is a line too, and told on stderr.
"""

import asyncio
import hmac
import json
import logging
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from synmodel.core.errors import SynmodelError
from synmodel.core.plain import Json
from synmodel.report.explorer.curves import AbandonedError, Explorer
from synmodel.report.explorer.handing import Sources, csv_of, dataset_of, netcdf_of, texts_of
from synmodel.report.explorer.measured import MOST_BYTES, beside, read_own
from synmodel.report.explorer.panels import document_of
from synmodel.report.explorer.states import LETTERS, StateError, catalogue, state_of

__all__ = ["ExplorerError", "application", "listening", "new_token", "serve"]

Scope = Json
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
HOST = "127.0.0.1"
_PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    "explorer.css": ("explorer.css", "text/css; charset=utf-8"),
    "explorer.js": ("explorer.js", "text/javascript; charset=utf-8"),
    "controls.js": ("controls.js", "text/javascript; charset=utf-8"),
    "plot.js": ("plot.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
_STATE_BYTES = 2_000_000
_MOST_OWN = 500
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOK_S = 0.03
_QUICK_AT_ONCE, _SLOW_AT_ONCE = 4, 1
_log = logging.getLogger("synmodel")


class ExplorerError(SynmodelError):
    """The explorer cannot be served."""


def new_token() -> str:
    """What stands in the address: 192 random bits."""
    return secrets.token_urlsafe(24)


def listening(port: int) -> socket.socket:
    """A socket of 127.0.0.1; 0 is any free port.

    Raises
    ------
    ExplorerError
        If the port cannot be had.
    """
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as fault:
        message = f"--port is {port}, which cannot be used ({fault}); give another one, or 0 for any that is free"
        raise ExplorerError(message) from fault


def application(explorer: Explorer, token: str, port: int, sources: Sources | None = None) -> Any:
    """The ASGI application.

    Parameters
    ----------
    explorer : Explorer
        That computes.
    token : str
        With which all addresses begin.
    port : int
        At which it is asked for.
    sources : Sources, optional
        For the texts that are handed on.
    """
    from starlette.applications import Starlette
    from starlette.routing import Route

    folder = resources.files("synmodel.report.explorer") / "page"
    content = {name: ((folder / file).read_bytes(), kind) for name, (file, kind) in _PAGE.items()}
    jobs = _Jobs(explorer, sources or Sources())
    routes = [Route(f"/{token}/{name}", _static(*each), methods=["GET"]) for name, each in content.items()]
    routes.append(Route(f"/{token}/catalogue", _answer(lambda _: _json(catalogue())), methods=["GET"]))
    routes += [
        Route(f"/{token}/{name}", _answer(job), methods=["POST"])
        for name, job in (("show", jobs.show), ("texts", jobs.texts), ("csv", jobs.csv), ("netcdf", jobs.netcdf))
    ]
    routes.append(Route(f"/{token}/own", _answer(jobs.own, most=MOST_BYTES), methods=["POST"]))
    return _Guard(Starlette(routes=routes), token, port)


class _Guard:
    """Lets in what knows the token and comes from this page, and nothing else."""

    def __init__(self, app: Any, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http" or not self._is_allowed(scope):
            await _refuse(scope, send)
            return

        async def sealed(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(name.lower().encode(), text.encode()) for name, text in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        await self._app(scope, receive, sealed)

    def _is_allowed(self, scope: Scope) -> bool:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts, origins = headers.get(b"host", []), headers.get(b"origin", [])
        first = scope["path"].split("/", 2)[1:2]
        knows = bool(first) and hmac.compare_digest(first[0].encode("utf-8", "replace"), self._token)
        return len(hosts) == 1 and hosts[0] in self._hosts and all(each in self._origins for each in origins) and knows


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
        return
    body = b"403: open the address that `synmodel explore` printed\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _static(content: bytes, kind: str) -> Callable[[Any], Awaitable[object]]:
    from starlette.responses import Response

    async def endpoint(_: object) -> object:
        return Response(content, media_type=kind)

    return endpoint


Answer = tuple[bytes, str]
"""Content and its kind."""


def _json(document: object) -> Answer:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode(), "application/json"


class _Asked:
    """What was asked: the body, the parameters of the query, and whether somebody still waits for the answer."""

    def __init__(self, body: bytes, query: Any) -> None:
        self.body, self.query, self.stop = body, query, threading.Event()

    def document(self) -> Any:
        """The body as JSON.

        Raises
        ------
        StateError
            If it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as fault:
            message = "the request is no JSON; load the page again"
            raise StateError(message) from fault


def _answer(job: Callable[[_Asked], Answer], most: int = _STATE_BYTES) -> Callable[[Any], Awaitable[object]]:
    """An endpoint that does a job in a thread: quick ones at once, those with draws one after the other."""
    import anyio
    from anyio.to_thread import run_sync
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response

    limits: Json = {}

    async def endpoint(request: Any) -> object:
        if not limits:
            limits.update(quick=anyio.CapacityLimiter(_QUICK_AT_ONCE), slow=anyio.CapacityLimiter(_SLOW_AT_ONCE))
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    return _fault(f"that is more than {most / 1e6:g} MB; the explorer takes no more", 413)
        except ClientDisconnect:
            return Response(status_code=400)
        asked = _Asked(body, request.query_params)
        limit = limits["slow" if request.query_params.get("slow") else "quick"]
        watch = asyncio.create_task(_watch(request, asked.stop))
        try:
            content, kind = await run_sync(job, asked, limiter=limit)
        except AbandonedError:
            return Response(status_code=400)
        except (SynmodelError, MemoryError, OSError) as fault:
            return _fault(_one_line(fault), 422)
        except Exception as fault:  # a page has no use for a traceback; who started the server has
            _log.exception("unexpected %s in the explorer; please report it", type(fault).__name__)
            return _fault(f"unexpected {type(fault).__name__}; the terminal of `synmodel explore` says where", 500)
        finally:
            watch.cancel()
        return Response(content, media_type=kind)

    return endpoint


async def _watch(request: Any, stop: threading.Event) -> None:
    """Tell a job when the page has moved on: its work would only slow down the next picture."""
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOK_S)
    stop.set()


def _one_line(fault: BaseException) -> str:
    text = " ".join(str(fault).split()) or type(fault).__name__
    return text if len(text) <= 1000 else text[:1000] + " ..."


def _fault(line: str, status: int) -> object:
    from starlette.responses import Response

    return Response(json.dumps({"error": line}), status_code=status, media_type="application/json")


class _Jobs:
    """What the page asks for, from the state that it sends."""

    def __init__(self, explorer: Explorer, sources: Sources) -> None:
        self._explorer, self._sources = explorer, sources

    def show(self, asked: _Asked) -> Answer:
        """Everything that is drawn."""
        given = asked.document()
        shown = self._explorer.show(state_of(given), with_checks=bool(given.get("checks")), stop=asked.stop)
        document = document_of(shown, whole=bool(given.get("whole")))
        return _json(document | {"beside": beside(shown, _own_points(given.get("own")))})

    def texts(self, asked: _Asked) -> Answer:
        """Command, Python and TOML."""
        return _json(texts_of(state_of(asked.document()), self._sources))

    def csv(self, asked: _Asked) -> Answer:
        """All curves as a table."""
        given = asked.document()
        shown = self._explorer.show(state_of(given), stop=asked.stop)
        return csv_of(document_of(shown, whole=bool(given.get("whole")))).encode(), "text/csv; charset=utf-8"

    def netcdf(self, asked: _Asked) -> Answer:
        """All curves at all draws."""
        shown = self._explorer.show(state_of(asked.document()), stop=asked.stop)
        return netcdf_of(dataset_of(shown, self._explorer.parameters)), "application/x-netcdf"

    def own(self, asked: _Asked) -> Answer:
        """A table of one's own as points; it is not kept."""
        return _json(read_own(asked.query.get("name", "table"), asked.body))


def _own_points(given: object) -> list[Json]:
    """Points of one's own that came back from the page."""
    points = given if isinstance(given, list) else []
    if len(points) > _MOST_OWN:
        message = f"{len(points)} points of your own are to be shown; up to {_MOST_OWN} can be"
        raise StateError(message)
    for point in points:
        numbers = (point.get(name) for name in ("start_day", "end_day", "mean")) if isinstance(point, dict) else ("",)
        if not all(isinstance(x, int | float) for x in numbers) or point.get("scenario") not in LETTERS:
            message = "a point of your own is not one that was read; drop the table in again"
            raise StateError(message)
        if not isinstance(point.get("sem"), int | float | None) or not isinstance(point.get("quantity"), str):
            message = "a point of your own is not one that was read; drop the table in again"
            raise StateError(message)
    return [{"arm": "", "sem": None, **point} for point in points]


def serve(app: Any, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, which end it in good order from the time that ``ready`` is called."""
    import uvicorn

    class Server(uvicorn.Server):
        def install_signal_handlers(self) -> None:  # of older versions
            """None: the signals are handled below."""

        def capture_signals(self) -> Any:
            """None: uvicorn would send itself the signal again, and end with its status."""
            from contextlib import nullcontext

            return nullcontext()

    config = uvicorn.Config(
        app, log_config=None, log_level="error", access_log=False, ws="none", server_header=False, date_header=False,
        timeout_graceful_shutdown=1, h11_max_incomplete_event_size=16_384,
    )  # fmt: skip
    server = Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.stdout.flush()
