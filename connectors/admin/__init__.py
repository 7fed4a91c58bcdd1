"""The pages of connections. Importing this package registers them."""

from connectors.admin import connections

__all__ = ["connections"]
