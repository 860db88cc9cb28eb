"""The server of the explorer: who gets in, what is served, what is left behind, and how it ends."""

import json
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from command_line import run
from explorer_server import explorer_process

from synmodel.report.explorer import server

pytestmark = pytest.mark.heavy

pytest.importorskip("uvicorn", reason="the explorer needs starlette and uvicorn: pip install 'synmodel[explore]'")
pytest.importorskip("starlette", reason="the explorer needs starlette and uvicorn: pip install 'synmodel[explore]'")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder, port and token of a running explorer."""
    folder = tmp_path_factory.mktemp("empty")
    with explorer_process(folder) as (_, address):
        parts = urlsplit(address)
        assert parts.hostname == "127.0.0.1"
        yield folder, parts.port, parts.path.strip("/")
    assert list(folder.iterdir()) == []  # nothing is written to disk


def ask(port, method, path, body=None, headers=()):
    """Status, headers and body of a request whose path is sent as it is."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        given = {"Host": f"127.0.0.1:{port}", **dict(headers)}
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def state(start="psilocybin-mouse", **more):
    from synmodel.report.explorer.states import catalogue

    document = catalogue()["scenarios"][start]["document"]
    return json.dumps({"scenarios": [{"start": start, "document": document}] * 2, "draws": 0, **more}).encode()


def test_the_page_is_served_to_who_has_the_address_and_loads_nothing_from_elsewhere(place):
    _, port, token = place
    for name in server._PAGE:
        status, headers, body = ask(port, "GET", f"/{token}/{name}")
        assert status == 200
        assert body
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        text = body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text


@pytest.mark.parametrize(
    "path", ["/", "/{wrong}/", "/{token}x/", "/{short}/", "//", "/favicon.ico", "*", "/{wrong}/show"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_without_the_token_there_is_nothing(place, path, method):
    _, port, token = place
    wrong = "x" * len(token)
    given = path.format(token=token, wrong=wrong, short=token[:-1])
    status, _, body = ask(port, method, given, b"{}" if method != "GET" else None)
    assert status in (400, 403)
    assert token.encode() not in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": "[::1]:{port}"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_another_host_or_origin_is_refused(place, headers):
    _, port, token = place
    given = {name: value.format(port=port) for name, value in headers.items()}
    assert ask(port, "POST", f"/{token}/texts", state(), given)[0] in (400, 403)
    assert ask(port, "GET", f"/{token}/", None, given)[0] in (400, 403)


def test_the_own_host_and_origin_are_taken(place):
    _, port, token = place
    for host in ("127.0.0.1", "localhost"):
        given = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
        assert ask(port, "POST", f"/{token}/texts", state(), given)[0] == 200


@pytest.mark.parametrize("token_is_known", [True, False])
def test_a_websocket_is_never_opened(place, token_is_known):
    _, port, token = place
    given = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    path = f"/{token}/show" if token_is_known else "/show"
    status, _, _ = ask(port, "GET", path, None, given)
    assert status == (405 if token_is_known else 403)


@pytest.mark.parametrize(
    "path",
    ["../server.py", "..%2fserver.py", "%2e%2e/server.py", "....//server.py", "..\\server.py", "%00", "/etc/passwd",
     "../../../../../../etc/passwd", "..%252f..%252fetc/passwd", "page/index.html", "index.html", "__init__.py",
     "explorer.js/", "explorer.js/../../server.py"],
)  # fmt: skip
def test_no_file_outside_the_page_is_served(place, path):
    _, port, token = place
    status, _, body = ask(port, "GET", f"/{token}/{path}")
    assert status in (307, 400, 403, 404)
    assert b"root:" not in body
    assert b"import" not in body


def test_bodies_are_bounded(place):
    _, port, token = place
    for name, most in (("show", server._STATE_BYTES), ("own?name=x.csv", server.MOST_BYTES)):
        status, _, body = ask(port, "POST", f"/{token}/{name}", b"x" * (most + 1))
        assert status == 413
        assert "takes no more" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("show", b"no json"), ("show", b""), ("show", b"[" * 100_000), ("show", b"{}"), ("texts", b"null"),
        ("csv", b"1"),
        ("netcdf", b'{"scenarios": [1, 2]}'), ("own?name=x.csv", b""), ("own", b"a,b"), ("show", state(own=[{"x": 1}])),
        ("show", state(own=[1])), ("show", state(draws=-1)), ("show", state(own=[{}] * 501)),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_no_traceback(place, name, body):
    _, port, token = place
    status, _, answer = ask(port, "POST", f"/{token}/{name}", body)
    assert status == 422
    line = json.loads(answer)["error"]
    assert line
    assert "\n" not in line
    assert "Traceback" not in line


def test_an_unexpected_fault_is_a_line_too(caplog):
    import asyncio

    class Broken:
        def show(self, *_, **__):
            return 1 / 0

    app = server.application(Broken(), "token", 80)
    sent = []

    async def call():
        scope = {
            "type": "http", "method": "POST", "path": "/token/show", "raw_path": b"/token/show", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:80")], "root_path": "", "scheme": "http", "http_version": "1.1",
        }  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": state(), "more_body": False}

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(call())
    assert sent[0]["status"] == 500
    assert "ZeroDivisionError" in json.loads(sent[1]["body"])["error"]
    assert b"Traceback" not in sent[1]["body"]
    assert "ZeroDivisionError" in caplog.text


def test_answers_do_not_mix(place):
    """Several ask at once for different scenarios: each gets its own."""
    from concurrent.futures import ThreadPoolExecutor

    _, port, token = place
    starts = ["psilocybin-mouse", "ketamine-mouse-single", "saline-mouse", "LSD-human-oral"] * 3

    def titles(start):
        status, _, body = ask(port, "POST", f"/{token}/show", state(start))
        assert status == 200
        return [each["label"].removesuffix(" (2)") for each in json.loads(body)["scenarios"]]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(titles, starts)) == [[start] * 2 for start in starts]


def test_only_the_loopback_listens(place):
    _, port, _ = place
    others = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        if not address.startswith("127."):
            with pytest.raises(OSError, match=r".*"), socket.create_connection((address, port), timeout=3):
                pass
    with server.listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


# -- the verb --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(tmp_path, number):
    with explorer_process(tmp_path) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        assert process.stdout.read() == ""


def test_a_port_that_is_taken_is_one_line(capsys, monkeypatch):
    with server.listening(0) as taken:
        port = taken.getsockname()[1]
        status, out, err = run(capsys, monkeypatch, "explore", "--no-browser", "--port", port)
    assert (status, out) == (2, "")
    assert err.startswith(f"synmodel: --port is {port}, which cannot be used")
    assert err.count("\n") == 1


def test_a_missing_library_is_one_line(capsys, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "uvicorn" else find(name))
    status, out, err = run(capsys, monkeypatch, "explore", "--no-browser")
    assert (status, out) == (2, "")
    assert err == "synmodel: explore needs starlette and uvicorn; install them with pip install 'synmodel[explore]'\n"


def test_the_modules_of_the_explorer_need_no_server_to_be_imported():
    code = (
        "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = sys.modules['anyio'] = None; "
        "import synmodel.cli, synmodel.report.explorer.server"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_each_start_has_another_token():
    tokens = {server.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


def test_entries_of_ones_own_are_offered(tmp_path):
    folder = tmp_path / "mine" / "scenarios"
    folder.mkdir(parents=True)
    from synmodel.scenario import load

    plan = load("psilocybin-mouse").updated(name="my own")
    (folder / "my own.toml").write_text(plan.to_toml())
    (tmp_path / "empty").mkdir()
    with explorer_process(tmp_path / "empty", "--library", tmp_path / "mine") as (_, address):
        parts = urlsplit(address)
        _, _, body = ask(parts.port, "GET", f"{parts.path}catalogue")
        offered = json.loads(body)["scenarios"]
        assert "my own" in offered
        given = {"scenarios": [{"start": "my own", "document": offered["my own"]["document"]}] * 2, "draws": 0}
        _, _, body = ask(parts.port, "POST", f"{parts.path}texts", json.dumps(given).encode())
        assert f"synmodel --library {tmp_path / 'mine'} compare 'my own' 'my own'" in json.loads(body)["cli"]
