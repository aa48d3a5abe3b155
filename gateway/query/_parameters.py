"""A query string as sent -> its parameters in order, percent-decoded strictly.

`application/x-www-form-urlencoded` as PostgREST reads it: `&` separates, `+` is a blank. Bad escapes, bytes that are
not UTF-8 and U+0000 are refused rather than repaired.
"""

from urllib.parse import unquote_to_bytes

from gateway.query._faults import malformed

_HEX = frozenset("0123456789abcdefABCDEF")


def read_parameters(query_string: str) -> list[tuple[str, str]]:
    """Names and values; raises QueryMalformed."""
    found = []
    for piece in query_string.split("&"):
        if not piece:
            continue
        name, equals, value = piece.partition("=")
        if not equals:
            raise malformed(
                name,
                ("a parameter without `=`", "参数缺少 `=`"),
                ("write `name=value`", "请写成 `名称=值` 的形式"),
            )
        found.append((_decode(name), _decode(value)))
    return found


def _decode(text: str) -> str:
    at = text.find("%")
    while at >= 0:
        escape = text[at + 1 : at + 3]
        if len(escape) != 2 or not _HEX.issuperset(escape):
            raise malformed(
                text[at : at + 3],
                ("a percent sign that is followed by no two hexadecimal digits", "百分号后不是两位十六进制数字"),
                ("write a percent sign as `%25`", "百分号本身请写成 `%25`"),
            )
        at = text.find("%", at + 3)
    plain = text.replace("+", " ")
    if plain.isascii() and "%" not in plain and "\x00" not in plain:
        return plain
    try:
        # bytes that were sent raw arrive as latin-1 characters; a text from a JSON body holds its characters
        sent = plain.encode("latin-1") if all(ord(character) < 256 for character in plain) else plain.encode()
        decoded = unquote_to_bytes(sent).decode("utf-8")
    except UnicodeError:
        raise malformed(
            text,
            ("the bytes are not UTF-8", "字节不是 UTF-8 编码"),
            ("send UTF-8, percent-encoded", "请使用百分号编码的 UTF-8"),
        ) from None
    if "\x00" in decoded:
        raise malformed(
            text,
            ("the character U+0000 is in no field", "任何字段都不含字符 U+0000"),
            ("leave it out", "请删除该字符"),
        )
    return decoded
