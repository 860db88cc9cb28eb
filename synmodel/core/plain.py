"""Plain data: what JSON and TOML hold."""

from typing import Any, TypeAlias

__all__ = ["Json"]

Json: TypeAlias = dict[str, Any]
"""A document by key, such as a result as it is written; its values are looked at where it is read."""
