"""Report: documents, tables and figures of results. The only room that imports matplotlib."""
