"""A place in one parameter's text; every step moves forward, so reading takes time linear in the text."""

import re
from functools import cache

from gateway.errors import QueryMalformed, Words
from gateway.query._faults import malformed

_LONGEST_NAME = 100
# one step a character, never back: `-` belongs to a name unless it begins an arrow
_NAME = re.compile(r"(?:[\w$ ]|-(?!>))*")


@cache
def _run_without(ends: str) -> re.Pattern[str]:
    return re.compile(f"[^{re.escape(ends)}]*")


class Cursor:
    """Reads names, quoted texts and runs of characters from one parameter."""

    def __init__(self, text: str, parameter: str, fix: Words) -> None:
        self._text = text
        self._at = 0
        self._parameter = parameter
        self._fix = fix

    @property
    def is_done(self) -> bool:
        """Whether everything was read."""
        return self._at >= len(self._text)

    def sees(self, token: str) -> bool:
        """Whether the token comes next."""
        return self._text.startswith(token, self._at)

    def take(self, token: str) -> bool:
        """Step over the token, if it comes next."""
        if not self.sees(token):
            return False
        self._at += len(token)
        return True

    def expect(self, token: str) -> None:
        """Step over the token; raises QueryMalformed where something else comes."""
        if not self.take(token):
            if self.is_done:
                raise self.fault((f"it ends where `{token}` should be", f"缺少 `{token}`"))
            raise self.fault((f"there is no `{token}` before `{self._rest()}`", f"`{self._rest()}` 前缺少 `{token}`"))

    def skip_blanks(self) -> None:
        """Step over blanks."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def until(self, ends: str) -> str:
        """Everything before the first of the characters, or to the end."""
        return self._matched(_run_without(ends))

    def rest(self) -> str:
        """Everything that is left."""
        start, self._at = self._at, len(self._text)
        return self._text[start:]

    def name(self) -> str:
        """A field's name, perhaps quoted; raises QueryMalformed where none stands."""
        if self.sees('"'):
            name = self.quoted()
            if not 0 < len(name) <= _LONGEST_NAME:
                raise self.fault(("a quoted name is empty or too long", "引号内的字段名为空或过长"))
            return name
        name = self._matched(_NAME).strip()
        if not name:
            if self.is_done:
                raise self.fault(("it ends where a field should be", "末尾缺少字段名"))
            raise self.fault((f"no field before `{self._rest()}`", f"`{self._rest()}` 前缺少字段名"))
        if len(name) > _LONGEST_NAME:
            raise self.fault(("a name is too long", "名称过长"))
        return name

    def quoted(self) -> str:
        """A text in double quotes, where a backslash makes the next character plain; raises QueryMalformed."""
        self.expect('"')
        parts: list[str] = []
        while True:
            parts.append(self.until('"\\'))
            if self.is_done:
                raise self.fault(("a double quote is not closed", "双引号未闭合"))
            if self.take('"'):
                return "".join(parts)
            self._at += 1  # the backslash
            if self.is_done:
                raise self.fault(("a backslash at the end", "末尾是反斜杠"))
            parts.append(self._text[self._at])
            self._at += 1

    def balanced(self) -> str:
        """From the bracket that comes next to the one that closes it; what stands in double quotes closes nothing.

        A range opens with `[` and may close with `)`. Raises QueryMalformed.
        """
        start, depth = self._at, 0
        while not self.is_done:
            character = self._text[self._at]
            if character == '"':
                self.quoted()
                continue
            self._at += 1
            depth += (character in "{[") - (character in "}]" or (character == ")" and depth == 1))
            if depth == 0:
                return self._text[start : self._at]
        raise self.fault(("a bracket is not closed", "括号未闭合"))

    def bracketed(self) -> str:
        """A range that opens with `(`, up to the `)` or `]` that closes it. Raises QueryMalformed."""
        start = self._at
        self.expect("(")
        while True:
            self.until('")]')
            if self.is_done:
                raise self.fault(("a bracket is not closed", "括号未闭合"))
            if self.sees('"'):
                self.quoted()
                continue
            self._at += 1
            return self._text[start : self._at]

    def fault(self, fault: Words, fix: Words | None = None) -> QueryMalformed:
        """The error for this parameter."""
        return malformed(self._parameter, fault, fix or self._fix)

    def _matched(self, pattern: re.Pattern[str]) -> str:
        """What the pattern takes from here; it may be nothing."""
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found.group()

    def _rest(self) -> str:
        return "".join(character if character.isprintable() else "?" for character in self._text[self._at :][:20])
