"""Plan an imaging study."""
