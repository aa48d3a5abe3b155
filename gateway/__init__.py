"""Langqiao 廊桥: the data-sharing gateway (the program)."""
