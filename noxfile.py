"""One entry for what a change needs: ``pip install nox``, then ``nox -l``; all of CI is ``bash .ci/run``."""

import nox

nox.options.sessions = ["lint", "fast"]
nox.options.reuse_existing_virtualenvs = True

FAST = ("tests/architecture", "tests/golden", "tests/unit")
"""Without laws, properties over random cases, twins and other programs."""


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, types, import contracts."""
    session.install("-e", ".[lint]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports", "--no-cache")


@nox.session
def fast(session: nox.Session) -> None:
    """What tells soonest whether a change broke something; the first time it compiles."""
    session.install("-e", ".[test]")
    session.run("pytest", "-q", *FAST, "-m", "not (heavy or slow or long)", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The default tests; ``nox -s tests -- -m slow`` runs the slow ones."""
    session.install("-e", ".[test]")
    session.run("pytest", "-q", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, with all its figures."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Ratios to C; fails where one is above its bound, whatever the machine."""
    session.install("-e", ".[bench]")
    session.run("python", "benchmarks/run.py", "--check")
