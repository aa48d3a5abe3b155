"""One file a kind of source; knows gateway.spi, gateway.model, gateway.errors and nothing else."""
