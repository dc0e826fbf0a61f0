"""A list that a statement asks by goes to the server as one array: its text is the same however long the list is.

Otherwise each length is a statement of its own, and the server plans it again; what comes again is planned once.
"""

from typing import Any

from sqlalchemy import ARRAY, BinaryExpression, BindParameter, Engine
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg
from sqlalchemy.sql.compiler import OPERATORS
from sqlalchemy.types import NullType, TupleType


def lists_as_arrays(engine: Engine) -> None:
    """Let the engine write ``column IN (list)`` as ``column = ANY (array)``, and NOT IN likewise."""
    engine.dialect.statement_compiler = _Compiler


class _Compiler(PGCompiler_psycopg):
    def visit_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **kw: Any) -> str:
        return self._array(binary, "= ANY", kw) or self._as_usual(binary, operator, kw)

    def visit_not_in_op_binary(self, binary: BinaryExpression[Any], operator: Any, **kw: Any) -> str:
        return self._array(binary, "<> ALL", kw) or f"({self._as_usual(binary, operator, kw)})"

    def _as_usual(self, binary: BinaryExpression[Any], operator: Any, kw: dict[str, Any]) -> str:
        return self._generate_generic_binary(binary, OPERATORS[operator], **kw)

    def _array(self, binary: BinaryExpression[Any], words: str, kw: dict[str, Any]) -> str:
        """The same with one array; nothing where it is no list that is given, or one that the text itself has."""
        given = binary.right
        if not isinstance(given, BindParameter) or not given.expanding or kw.get("literal_binds"):
            return ""
        if isinstance(given.type, NullType | TupleType):
            return ""
        array = given._clone(maintain_key=True)
        array.expanding, array.type = False, ARRAY(given.type)
        return f"{self.process(binary.left, **kw)} {words} ({self.process(array, **kw)})"
