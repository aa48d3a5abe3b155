"""A SOAP 1.1 service as they were written in 2009: a WSDL, one operation, pages, faults; GBK where it is told so.

It shares no code with the connector: it reads with ElementTree and writes by hand. That it is an honest peer is shown
by zeep, which calls it by its WSDL.
"""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tests.connectors.sources import stored_text, without_what_excel_loses
from tests.connectors.web import received

NAMESPACE = "http://mz.example.gov.cn/query"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
COLUMNS = {
    "id": "编号", "name": "XM", "note": "bz", "region": "QHDM", "amount": "je", "members": "rs", "active": "yx",
    "born": "CSRQ", "seen": "sj",
}  # fmt: skip
XSD = {
    "id": "long", "name": "string", "note": "string", "region": "string", "amount": "decimal", "members": "long",
    "active": "boolean", "born": "date", "seen": "dateTime",
}  # fmt: skip
ROWS = [{**row, "name": "" if at == 2 else row["name"]} for at, row in enumerate(without_what_excel_loses())]
FILTERS = {"id": "bh", "name": "xm", "region": "qh", "active": "yx", "born": "csrq"}


def text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(stored_text(cell))


def wsdl(address: str) -> str:
    columns = "".join(
        f'<xs:element name="{COLUMNS[field]}" type="xs:{kind}" nillable="true"/>' for field, kind in XSD.items()
    )
    asked = "".join(f'<xs:element name="{name}" type="xs:string" minOccurs="0"/>' for name in FILTERS.values())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{NAMESPACE}" targetNamespace="{NAMESPACE}">
<w:types><xs:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">
<xs:element name="Query"><xs:complexType><xs:sequence>{asked}<xs:element name="page" type="xs:int"/>
<xs:element name="size" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="QueryResponse"><xs:complexType><xs:sequence><xs:element name="total" type="xs:int"/>
<xs:element name="list"><xs:complexType><xs:sequence><xs:element name="item" minOccurs="0" maxOccurs="unbounded">
<xs:complexType><xs:sequence>{columns}</xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType>
</xs:element></xs:sequence></xs:complexType></xs:element></xs:schema></w:types>
<w:message name="in"><w:part name="p" element="t:Query"/></w:message>
<w:message name="out"><w:part name="p" element="t:QueryResponse"/></w:message>
<w:portType name="port"><w:operation name="Query"><w:input message="t:in"/><w:output message="t:out"/></w:operation>
</w:portType><w:binding name="b" type="t:port"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
<w:operation name="Query"><s:operation soapAction="urn:query"/><w:input><s:body use="literal"/></w:input>
<w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="S"><w:port name="p" binding="t:b"><s:address location="{address}"/></w:port></w:service>
</w:definitions>"""


def envelope(body: str, encoding: str = "utf-8") -> bytes:
    whole = (
        f'<?xml version="1.0" encoding="{encoding}"?><e:Envelope xmlns:e="{SOAP}"><e:Body>{body}</e:Body></e:Envelope>'
    )
    return whole.encode(encoding, "xmlcharrefreplace")


def fault(code: str) -> bytes:
    return envelope(
        f"<e:Fault><faultcode>e:{code}</faultcode><faultstring>secret: ORA-00942 at 10.0.0.7</faultstring></e:Fault>"
    )


class Old:
    """`answer`: a ready body instead of rows, with `status` and `kind`."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.encoding = encoding
        self.asked: list[dict[str, str]] = []
        self.actions: list[str] = []
        self.bodies: list[bytes] = []
        self.answer: bytes | None = None
        self.status = 200
        self.kind = ""
        self.leaves_nulls_out = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if scope["method"] == "GET":
            await self._send(send, wsdl(f"http://{headers['host']}/ws").encode(), 200, "text/xml; charset=utf-8")
            return
        if scope["method"] == "HEAD":
            await self._send(send, b"", 405, "text/plain")
            return
        body = await received(receive)
        self.bodies.append(body)
        self.actions.append(headers.get("soapaction", ""))
        if self.answer is not None:
            await self._send(send, self.answer, self.status, self.kind or "text/xml; charset=utf-8")
            return
        told = body.decode(self.encoding).partition("?>")[2]  # expat knows no GBK
        call = next(iter(ET.fromstring(told).iter(f"{{{NAMESPACE}}}Query")))
        asked = {child.tag.removeprefix(f"{{{NAMESPACE}}}"): child.text or "" for child in call}
        self.asked.append(asked)
        page, size = int(asked["page"]), int(asked["size"])
        kept = [
            row
            for row in ROWS
            if all(
                row[field] is not None and text(row[field]) == asked[name]
                for field, name in FILTERS.items()
                if name in asked
            )
        ]
        items = "".join(self._item(row) for row in kept[(page - 1) * size : page * size])
        inner = f"<r:total>{len(kept)}</r:total><r:list>{items}</r:list>"
        made = f'<r:QueryResponse xmlns:r="{NAMESPACE}">{inner}</r:QueryResponse>'
        await self._send(send, envelope(made, self.encoding), 200, f"text/xml; charset={self.encoding}")

    def _item(self, row: Mapping[str, Any]) -> str:
        cells = ""
        for field, column in COLUMNS.items():
            cell = row[field]
            if cell is not None:
                iso = text(cell).replace(" ", "T") if field == "seen" else text(cell)
                cells += f"<r:{column}>{escape(iso)}</r:{column}>"
            elif not self.leaves_nulls_out:
                cells += f'<r:{column} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
        return f"<r:item>{cells}</r:item>"

    @staticmethod
    async def _send(send: Any, body: bytes, status: int, kind: str) -> None:
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
