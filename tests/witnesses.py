"""Witnesses for tests: a log's checkpoints and proofs out of a list of leaves, and a witness that listens."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from gateway.app import utc_now
from gateway.audit.checkpoint import sign_checkpoint
from gateway.audit.merkle import Frontier, leaf_hash, prove_consistency, tile_root
from gateway.audit.proof_text import write_consistency
from gateway.audit.witness import Witness, open_home, witness_application
from gateway.keys import LogSigner

NAME = "witness.example/audit-office"


class PaperLog:
    """A log that is nothing but leaves: signs any of its sizes and proves what any log can."""

    def __init__(self, signer: LogSigner, bodies: list[bytes]) -> None:
        self.signer = signer
        self.leaves = [leaf_hash(body) for body in bodies]

    def node(self, height: int, position: int) -> bytes:
        begin = position << height
        return tile_root(self.leaves[begin : begin + (1 << height)])

    def note(self, size: int) -> str:
        return sign_checkpoint(self.signer, size, Frontier().extended(self.leaves[:size])[0].root())

    def question(self, older: int, newer: int) -> str:
        hashes = prove_consistency(older, newer, self.node) if 0 < older < newer else ()
        return write_consistency(older, hashes, self.note(newer))


@contextmanager
def listening(folder: Path, port: int = 0) -> Iterator[str]:
    """A witness over real HTTP on the loopback, on a free port where none is given; its address."""
    with open_home(folder) as home:
        config = uvicorn.Config(
            witness_application(Witness(home, utc_now)), port=port, lifespan="off", log_level="error", access_log=False
        )
        server = uvicorn.Server(config)
        sockets = [config.bind_socket()]
        sockets[0].listen()  # else whoever comes before the server does is refused
        thread = threading.Thread(target=server.run, args=(sockets,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
