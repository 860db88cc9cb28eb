"""One signalling module per file; each file names its class ``MODULE``."""
