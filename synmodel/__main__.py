"""``python -m synmodel``."""

from synmodel.cli import main

if __name__ == "__main__":
    try:
        main()
    finally:
        # Python ends by the signal, whatever the status, where the last text that it compiled and ran was interrupted.
        exec("")
