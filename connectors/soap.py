"""soap: to be written."""
