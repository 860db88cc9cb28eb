"""The verb ``explore``: two scenarios side by side in the browser."""

import sys
from typing import Annotated

import typer

from synmodel.cli.joint import File, posterior_from
from synmodel.cli.loading import all_loaded

__all__ = ["explore"]


def explore(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    posterior: File = None,
) -> None:
    """Explore two scenarios side by side in the browser, from dose to spines (Ctrl-C ends it).

    Prints the address, which holds a secret: it is served on this machine only, to who has the address.
    """
    from importlib.util import find_spec

    from synmodel.report.explorer import server
    from synmodel.report.explorer.curves import Explorer
    from synmodel.report.explorer.handing import Sources

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        message = "explore needs starlette and uvicorn; install them with pip install 'synmodel[explore]'"
        raise server.ExplorerError(message)
    folders = tuple((context.parent.params.get("folders") or []) if context.parent is not None else [])
    explorer = Explorer(posterior_from(posterior))
    listener = server.listening(port)
    token, found = server.new_token(), listener.getsockname()[1]
    app = server.application(explorer, token, found, Sources(folders, posterior))
    address = f"http://{server.HOST}:{found}/{token}/"

    def ready() -> None:
        sys.stdout.write(address + "\n")
        sys.stdout.flush()
        if browser:
            import webbrowser

            webbrowser.open(address)

    all_loaded()
    server.serve(app, listener, ready)
