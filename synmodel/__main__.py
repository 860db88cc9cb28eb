"""``python -m synmodel``."""

from synmodel.cli import main

if __name__ == "__main__":
    main()
