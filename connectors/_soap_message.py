"""SOAP 1.1 messages: a question -> an envelope, an envelope -> rows of texts. Hostile XML is refused, never expanded.

A document type is refused whatever is in it (SOAP 1.1, section 3, allows none): so there are no entities to expand, no
external ones to fetch, no default attributes. The parser reads no file, asks no host and has its own limits of depth
and size. Only the character encodings of the list are decoded, and strictly.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from lxml import etree

from connectors._cells import (
    NotPromised,
    Reader,
    read_boolean,
    read_date,
    read_integer,
    read_numeric,
    read_text,
    read_timestamp,
)
from connectors._composite_cells import COMPOSITES
from connectors._soap_options import Operation
from connectors._told import named
from gateway.model.catalog import FieldType

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_ENCODINGS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([\w.:-]+)\"?", re.IGNORECASE | re.ASCII)
_DECLARED: Final = re.compile(rb"^\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)[\"'][^>]*\?>")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

XmlRow = Mapping[str, str | None]


class Fault(Exception):
    """The service answered with a SOAP fault. Of its code only this much is kept; its text never is."""

    def __init__(self, *, of_the_question: bool) -> None:
        super().__init__("SOAP fault of the client's" if of_the_question else "SOAP fault of the service's")
        self.of_the_question = of_the_question


class Unsayable(Exception):
    """A value that XML has no characters for: no row there can have it."""


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """One page as the service gave it."""

    rows: list[XmlRow]
    total: int | None

    def __repr__(self) -> str:
        """Counts only."""
        return f"<Page of {len(self.rows)} rows>"


def write_envelope(operation: Operation, parameters: Mapping[str, str], encoding: str) -> bytes:
    """The call. Values are set as text by the library, never pasted. Raises Unsayable."""
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE, "op": operation.namespace})
    call = etree.SubElement(
        etree.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{operation.namespace}}}{operation.name}"
    )
    for name, value in parameters.items():
        if _NOT_XML.search(value):
            raise Unsayable
        etree.SubElement(call, f"{{{operation.namespace}}}{name}" if operation.qualified else name).text = value
    written: bytes = etree.tostring(envelope, xml_declaration=True, encoding=encoding)  # type: ignore[assignment]  # an encoding: bytes
    return written


def read_envelope(body: bytes, content_type: str, operation: Operation) -> Page:
    """The rows, or Fault; raises NotPromised for anything else."""
    root = _parse(body, content_type)
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise NotPromised("an answer is no SOAP 1.1 envelope")
    found = root.find(f"{{{ENVELOPE}}}Body")
    if found is None:
        raise NotPromised("an envelope has no body")
    fault = found.find(f"{{{ENVELOPE}}}Fault")
    if fault is not None:
        code = (fault.findtext("faultcode") or "").rpartition(":")[2].partition(".")[0]
        raise Fault(of_the_question=code in ("Client", "VersionMismatch", "MustUnderstand"))
    if _name(next(iter(found), None)) not in (f"{operation.name}Response", operation.rows[0]):
        raise NotPromised("an answer is that of another operation")
    return Page([_row(one) for one in _at(found, operation.rows)], _total(found, operation))


def _parse(body: bytes, content_type: str) -> etree._Element:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("text/xml", "application/xml", "application/soap+xml"):
        raise NotPromised("an answer's content type is not XML")
    said, declared = _CHARSET.search(content_type), _DECLARED.match(body[:200])
    name = said[1] if said is not None else declared[1].decode("ascii") if declared is not None else "utf-8"
    encoding = _ENCODINGS.get(name.lower())
    if encoding is None:
        raise NotPromised("an answer's character encoding is not known")
    try:
        text = body.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        raise NotPromised("an answer is not in its character encoding") from None
    # SECURITY: before the parser sees it: a document type may not even be looked at
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotPromised("an answer has a document type")
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the declaration says: it is decoded by now
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NotPromised("an answer is no XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotPromised("an answer has a document type")
    return root


def _name(element: etree._Element | None) -> str:
    return "" if element is None or not isinstance(element.tag, str) else etree.QName(element).localname


def _at(body: etree._Element, path: tuple[str, ...]) -> list[etree._Element]:
    """The elements that the path leads to: one each on the way, all at its end. No rows is no element at the end."""
    here = body
    for name in path[:-1]:
        inner = [child for child in here if _name(child) == name]
        if len(inner) != 1:
            if not inner and len(here) == 0 and here is not body:
                return []  # an empty list is often left out altogether
            raise NotPromised("an answer lacks the place of its rows")
        here = inner[0]
    return [child for child in here if _name(child) == path[-1]]


def _total(body: etree._Element, operation: Operation) -> int | None:
    if not operation.total:
        return None
    found = _at(body, operation.total)
    text = (found[0].text or "").strip() if len(found) == 1 else ""
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise NotPromised("an answer has no total")
    return int(text)


def _row(element: etree._Element) -> XmlRow:
    row: dict[str, str | None] = {}
    for child in element:
        name = _name(child)
        if name in row:
            raise NotPromised(f"a row has the element {named(name)} twice")
        if len(child):
            continue  # a structure is no cell; a column of the catalogue that is one is found missing
        row[name] = None if child.get(_NIL, "").strip() in ("true", "1") else child.text or ""
    return row


def cells(*, absent_is_null: bool) -> Callable[[XmlRow, str], object]:
    """Takes a column out of a row."""

    def cell(row: XmlRow, column: str) -> object:
        if column not in row and not absent_is_null:
            raise NotPromised(f"a row lacks the element {named(column)} of the catalogue")
        return row.get(column)

    return cell


# ------------------------------------------------------------------ cells
def _integer(cell: object) -> int:
    text = str(cell).strip()
    if _INTEGER.fullmatch(text) is None:
        raise NotPromised("a cell is no integer")
    return read_integer(int(text))


def _numeric(cell: object) -> Decimal:
    return read_numeric(str(cell).strip().removeprefix("+"))


def _boolean(cell: object) -> bool:
    found = {"true": True, "1": True, "false": False, "0": False}.get(str(cell).strip())
    return read_boolean(found)


READERS: Final[dict[FieldType, Reader]] = {
    FieldType.TEXT: read_text,
    FieldType.INTEGER: _integer,
    FieldType.NUMERIC: _numeric,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: lambda cell: read_date(str(cell).strip().removesuffix("Z")),
    FieldType.TIMESTAMP: lambda cell: read_timestamp(str(cell).strip()),
    **COMPOSITES,
}
