"""A department's SOAP service is the attacker: its XML reads no file, asks no host, and fills no memory."""

import time
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import SourceFailed, SourceRubbish
from tests.connectors.soap_service import Old, envelope
from tests.connectors.sources import serving
from tests.connectors.test_soap_source import ask, fetch, opened

ROW = "<QueryResponse><total>1</total><list><item><XM>{}</XM></item></list></QueryResponse>"


def with_doctype(doctype: str, cell: str) -> bytes:
    return envelope(ROW.format(cell)).replace(b"?>", b"?>" + doctype.encode(), 1)


async def refused(body: bytes, **options: Any) -> SourceFailed:
    service = Old()
    service.answer = body
    with serving(service) as host:
        began = time.process_time()
        with pytest.raises(SourceFailed) as failed:
            await ask(opened(host, **options), fetch(columns=["name"]))
        assert time.process_time() - began < 5
    return failed.value


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file://{file}">]>',
        '<!DOCTYPE a [<!ENTITY x "expanded">]>',
        '<!DOCTYPE a SYSTEM "http://{host}/evil.dtd">',
        '<!DOCTYPE a PUBLIC "-//x" "http://{host}/evil.dtd">',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://{host}/evil.dtd"> %p;]>',
        '<!DOCTYPE a [<!ATTLIST XM nil CDATA "true">]>',
        "<!DOCTYPE a>",
    ],
)
async def test_a_document_type_is_refused_unread(tmp_path: Path, doctype: str) -> None:
    (tmp_path / "secret").write_text("secret-of-this-machine")
    asked: list[str] = []

    async def listener(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])

    with serving(listener) as host:
        filled = doctype.replace("{file}", str(tmp_path / "secret")).replace("{host}", host)
        failed = await refused(with_doctype(filled, "&x;"))
    assert isinstance(failed, SourceRubbish)
    assert failed.operator == "an answer has a document type"
    assert not asked


async def test_a_billion_laughs_are_not_laughed() -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 12))
    assert isinstance(await refused(with_doctype(f"<!DOCTYPE a [{entities}]>", "&a11;")), SourceRubbish)


async def test_a_document_type_in_another_encoding_is_refused_too() -> None:
    body = with_doctype('<!DOCTYPE a [<!ENTITY x "y">]>', "&x;").decode()
    for encoding in ("utf-16", "utf-7", "gbk"):
        assert isinstance(await refused(body.replace("utf-8", encoding).encode(encoding)), SourceRubbish)


async def test_an_entity_without_a_type_and_an_endless_depth_are_refused() -> None:
    assert isinstance(await refused(envelope(ROW.format("&nowhere;"))), SourceRubbish)
    deep = "<a>" * 50_000 + "</a>" * 50_000
    assert isinstance(await refused(envelope(ROW.format(deep))), SourceRubbish)


async def test_an_answer_has_its_limit() -> None:
    failed = await refused(envelope(ROW.format("x" * 200_000)), response_bytes=100_000)
    assert isinstance(failed, SourceRubbish)


async def test_an_inclusion_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret-of-this-machine")
    place = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{tmp_path}/secret" parse="text"/>'
    failed = await refused(envelope(ROW.format(place)))
    assert isinstance(failed, SourceRubbish)
    assert "secret-of" not in failed.operator
