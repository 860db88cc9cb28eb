"""Results as tidy tables: one row per point, in CSV, Parquet or Excel files, with the units of columns beside them."""

from synmodel.report.tidy.results import convert, listed, results_in, tables_of, write_tables
from synmodel.report.tidy.writers import FORMATS, demand, no_formula

__all__ = ["FORMATS", "convert", "demand", "listed", "no_formula", "results_in", "tables_of", "write_tables"]
