"""The log's new checkpoints -> the configured witnesses, and their cosignatures -> the database. Beside all requests.

Nothing waits for it: a witness that is slow or gone leaves checkpoints without its signature, and the operator is told.
A witness that refuses has seen another history of this log than the one that is here: that is told as an error.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import checkpoint_of
from gateway.audit.cosigned import read_witness_key
from gateway.audit.proof_text import write_consistency
from gateway.audit.proofs import LogProofs
from gateway.audit.reading import newest_checkpoint
from gateway.errors import GatewayError
from gateway.keys import CosignatureVerifier, split_note
from gateway.settings import Audit
from gateway.store import CosignatureRow, State, StoreFailed, insert_cosignature, newest_cosigned_size
from gateway.telemetry import operator_log

if TYPE_CHECKING:
    import httpx2

_PATIENCE_SECONDS = 10.0
_LARGEST_ANSWER = 65_536
_MOST_TRIES = 3  # another replica may be faster, twice


@dataclass(frozen=True, slots=True)
class _Witness:
    url: str
    verifier: CosignatureVerifier


class _Refused(Exception):
    """The witness will not sign: why."""


class _Unreachable(Exception):
    """The witness gave no answer that can be used."""


class Witnessing:
    """One replica's. Used on one event loop; what blocks runs in threads."""

    def __init__(self, state: State, settings: Audit, clock: Callable[[], datetime]) -> None:
        """Raises SettingsInvalid for a witness's key that can't be read."""
        self._state = state
        self._proofs = LogProofs(state)
        self._clock = clock
        self._seconds = settings.witness_seconds
        self._witnesses = [
            _Witness(witness.url.rstrip("/"), read_witness_key(witness.vkey)) for witness in settings.witnesses
        ]
        self._standing = {witness.verifier.name: "not asked yet" for witness in self._witnesses}
        self._task: asyncio.Task[None] | None = None

    @property
    def standing(self) -> Mapping[str, str]:
        """Each witness by name: `ok`, `unreachable`, `refused`, or `not asked yet`."""
        return dict(self._standing)

    def start(self) -> None:
        """Begin to ask, where there is anyone to ask."""
        if self._witnesses:
            self._task = asyncio.create_task(self._ask_on(), name="witnessing")

    async def close(self) -> None:
        """End; a question on its way is given up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _ask_on(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(self._seconds)

    async def ask(self) -> None:
        """Bring the newest checkpoint, the same to all, to every witness that has not signed it."""
        try:
            note = await asyncio.to_thread(newest_checkpoint, self._state)
        except GatewayError as error:
            operator_log().warning("no checkpoint for witnesses", code=error.code)
            return
        import httpx2  # where there are witnesses

        async with httpx2.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as client:
            await asyncio.gather(*(self._ask_one(client, witness, note) for witness in self._witnesses))

    async def _ask_one(self, client: "httpx2.AsyncClient", witness: _Witness, note: str) -> None:
        name = witness.verifier.name
        try:
            await self._submit(client, witness, note)
        except _Refused as refused:
            self._note(name, "refused", str(refused))
        except _Unreachable as error:
            self._note(name, "unreachable", str(error))
        except (GatewayError, StoreFailed) as error:
            self._note(name, "unreachable", f"the log can't be read: {type(error).__name__}")
        except Exception as error:  # noqa: BLE001 - whatever it is: the others are asked on, and no request notices
            self._note(name, "unreachable", type(error).__name__)
        else:
            self._note(name, "ok", "")

    def _note(self, name: str, standing: str, why: str) -> None:
        """Tell the operator of a change, once."""
        if self._standing[name] == standing:
            return
        self._standing[name] = standing
        if standing == "ok":
            operator_log().info("witness signs", source=name)
        elif standing == "refused":
            operator_log().error("witness REFUSES this log", source=name, detail=why)
        else:
            operator_log().warning("witness not reached", source=name, detail=why)

    async def _submit(self, client: "httpx2.AsyncClient", witness: _Witness, note: str) -> None:
        size = checkpoint_of(split_note(note)[0]).size
        older = await asyncio.to_thread(newest_cosigned_size, self._state, witness.verifier.name) or 0
        if older == size and older:
            return
        for _ in range(_MOST_TRIES):
            status, text = await self._post(client, witness, await self._question(older, size, note))
            if status == 200:
                await asyncio.to_thread(insert_cosignature, self._state, self._row(witness, size, note, text))
                return
            if status != 409:
                raise _complaint(status)
            known = int(text) if text.strip().isdecimal() and len(text) < 21 else -1
            if known == older or known > size:
                raise _Refused(f"it signed another log of {known} entries; here are {size}")
            if known < 0:
                raise _Unreachable("answered 409 without a size")
            older = known
        raise _Unreachable("another replica was faster each time")

    async def _question(self, older: int, size: int, note: str) -> str:
        proof = await asyncio.to_thread(self._proofs.consistency, older, size) if older else None
        return write_consistency(older, proof.hashes if proof is not None and older < size else (), note)

    async def _post(self, client: "httpx2.AsyncClient", witness: _Witness, question: str) -> tuple[int, str]:
        url = f"{witness.url}/add-checkpoint"
        async with client.stream("POST", url, content=question.encode()) as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER:
                    raise _Unreachable("its answer is too long")
        return response.status_code, body.decode("utf-8", "replace")

    def _row(self, witness: _Witness, size: int, note: str, text: str) -> CosignatureRow:
        """SECURITY: kept only where it is this witness's signature on this very checkpoint."""
        try:
            line = witness.verifier.line_in(note + text)
        except ValueError:
            raise _Unreachable("its answer is not its signature on this checkpoint") from None
        return CosignatureRow(size, witness.verifier.name, note, line, self._clock())


def _complaint(status: int) -> Exception:
    if status == 422:
        return _Refused("this log does not continue the one that it signed: a fork")
    if status in {403, 404}:
        return _Refused("it does not know this log or its key")
    return _Unreachable(f"answered {status}")
