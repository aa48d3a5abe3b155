"""A source's own description -> a bundle that serves it, for trying out: every table, one role, one purpose."""

from gateway.administration.discovery.bundle import Discovered, Wanted, check_wanted, write_bundle

__all__ = ["Discovered", "Wanted", "check_wanted", "write_bundle"]
