"""SQL text -> the scopes it reads (`scopes.py`), by sqlglot's PostgreSQL dialect. This is the only seam to sqlglot.

What sqlglot cannot read is Refused with a reason, under ceilings on length and nesting, so that a statement made to
break the parser ends as a read that nobody could look into and not as no read.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from typing import ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from leaktrace.ledger.pgaudit.record import Refused
from leaktrace.ledger.pgaudit.remembered import Remembered
from leaktrace.ledger.pgaudit.scopes import Action, ColumnRef, ReadScope, Relation, Statement, StatementText
from leaktrace.ledger.pgaudit.select import select_scope

STATEMENT_CEILING_CHARACTERS = 100_000
NESTING_CEILING_COUNT = 24
"""Brackets inside brackets; sqlglot recurses about ten calls for each."""
SET_OPERATION_CEILING_COUNT = 1_000
"""UNION, INTERSECT and EXCEPT in one statement; sqlglot nests a chain of them as deep as it is long."""
REMEMBERED_CEILING_CHARACTERS = 2_000_000
"""Of texts whose reading is remembered; it takes up to sixty times as many bytes (a column in the text is two or
three characters long)."""
FIRST_CONSTANT_NUMBER = 1_000_000

_BEFORE_CONSTANT = {
    TokenType.EQ,
    TokenType.NEQ,
    TokenType.L_PAREN,
    TokenType.L_BRACKET,
    TokenType.COMMA,
    TokenType.LIKE,
    TokenType.ILIKE,
}
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET}
_SET_OPERATIONS = {TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT}
_DECIDING = (exp.Where, exp.Having, exp.Exists, exp.Order, exp.Count)
"""What a query in it only decides by: which rows are shown, in which order, how many."""
_CHANGING = (exp.Update, exp.Delete, exp.Insert)
_FAILURES = (SqlglotError, RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What sqlglot is known to raise on hostile text, besides its own errors."""
_SHOWS_NOTHING = frozenset(
    [
        "EXPLAIN",
        "SET",
        "RESET",
        "SHOW",
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
        "END",
        "ABORT",
        "SAVEPOINT",
        "RELEASE",
        "FETCH",
        "MOVE",
        "CLOSE",
        "DEALLOCATE",
        "DISCARD",
        "ANALYZE",
        "VACUUM",
        "LOCK",
        "TRUNCATE",
        "DROP",
        "ALTER",
        "GRANT",
        "REVOKE",
        "COMMENT",
        "REINDEX",
        "CLUSTER",
        "CHECKPOINT",
        "LISTEN",
        "NOTIFY",
        "UNLISTEN",
        "EXECUTE",
        "CALL",
        "DO",
        "VALUES",
    ]
)
"""Statements that show no column of a table, or (EXECUTE, CALL, DO) whose reads pgaudit logs on their own."""
_NAMING = {"PREPARE": "AS", "DECLARE": "FOR"}
"""Statements that give a query a name, and the word before the query."""
_QUERY_WORDS = ("SELECT", "WITH", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE")


class _Words(Postgres.Tokenizer):
    """PostgreSQL's words also behind PREPARE, DECLARE and the like, whose rest sqlglot leaves unsplit."""

    COMMANDS: ClassVar[set[TokenType]] = set()


def read_statements(text: str) -> StatementText | Refused:
    """What the statements of a text read, or why that cannot be said.

    Texts that differ in their constants only are parsed once: a constant becomes a parameter with a number of its own.
    """
    if len(text) > STATEMENT_CEILING_CHARACTERS:
        return Refused(f"the statement is longer than {STATEMENT_CEILING_CHARACTERS} characters")
    return texts_read(text)


def _read_text(text: str) -> StatementText | Refused:
    try:
        tokens = _Words(dialect="postgres").tokenize(text)
    except _FAILURES:
        return Refused("the statement's text cannot be split into words")
    pattern, constants = _without_constants(text, tokens)
    statements = patterns_read(pattern)
    if isinstance(statements, Refused) and constants:
        statements, constants = patterns_read(text), {}
    return statements if isinstance(statements, Refused) else StatementText(statements, constants)


def _without_constants(text: str, tokens: Sequence[Token]) -> tuple[str, dict[int, str]]:
    """The text with its compared and listed constants as `$1000000` and up, more than PostgreSQL has parameters."""
    pieces: list[str] = []
    constants: dict[int, str] = {}
    position = 0
    for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], None], strict=False):
        constant = token.token_type is TokenType.STRING or (
            token.token_type is TokenType.NUMBER and token.text.isdecimal() and token.text.isascii()
        )
        followed = after is not None and after.token_type is TokenType.STRING  # 'a' 'b' on two lines are one constant
        if constant and before.token_type in _BEFORE_CONSTANT and not followed:
            number = FIRST_CONSTANT_NUMBER + len(constants)
            constants[number] = token.text
            pieces += [text[position : token.start], f"${number}"]
            position = token.end + 1
    return "".join([*pieces, text[position:]]), constants


def _read(text: str) -> tuple[Statement, ...] | Refused:
    try:
        tokens = _Words(dialect="postgres").tokenize(text)
    except _FAILURES:
        return Refused("the statement's text cannot be split into words")
    statements: list[Statement] = []
    for part in _split(tokens):
        statement = _statement(text, part)
        if isinstance(statement, Refused):
            return statement
        if statement is not None:
            statements.append(statement)
    return tuple(statements)


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _statement(text: str, tokens: list[Token]) -> Statement | Refused | None:
    """None for a statement that pgaudit does not class as reading or changing rows."""
    depth = deepest = 0
    for token in tokens:
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        deepest = max(deepest, depth)
    if deepest > NESTING_CEILING_COUNT:
        return Refused(f"the statement nests brackets deeper than {NESTING_CEILING_COUNT}")
    if depth != 0:
        return Refused("the statement's brackets do not match")
    if sum(token.token_type in _SET_OPERATIONS for token in tokens) > SET_OPERATION_CEILING_COUNT:
        return Refused(f"the statement joins more than {SET_OPERATION_CEILING_COUNT} queries with UNION and the like")
    first = _word(tokens, 0)
    if first in _SHOWS_NOTHING:
        return None
    if first == "COPY":
        return _copy(text, tokens)
    if first in _NAMING:
        return _after(text, tokens, _NAMING[first], "view")
    if first == "CREATE":
        return _after(text, tokens, "AS", "export")
    if first in _QUERY_WORDS or first == "(":
        return _query(text, tokens, None)
    return Refused("the statement is of a kind that is not understood")


def _word(tokens: Sequence[Token], index: int) -> str:
    if index >= len(tokens) or tokens[index].token_type in (TokenType.STRING, TokenType.IDENTIFIER):
        return ""
    return tokens[index].text.upper()


def _after(text: str, tokens: list[Token], word: str, action: Action) -> Statement | Refused | None:
    """The scopes of the query behind the first `word` outside brackets; a CREATE without one reads nothing."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        if depth == 0 and _word(tokens, index) == word:
            query = tokens[index + 1 :]
            if action == "export" and _word(query, 0) not in (*_QUERY_WORDS, "(", "EXECUTE", "VALUES"):
                return None  # the AS of CREATE FUNCTION and its like
            if action == "export":
                return _query(text, query, action)
            if _word(query, 0) in _NAMING:
                return Refused("a PREPARE or DECLARE stands inside another")  # PostgreSQL takes none, however deep
            return _statement(text, query)
    return None if action == "export" else Refused("the statement is not complete")


def _copy(text: str, tokens: list[Token]) -> Statement | Refused | None:
    """`COPY (query) TO` and `COPY table [(columns)] TO`; COPY FROM shows nothing."""
    depth, bracket_ends = 0, 0
    direction = ""
    for index, token in enumerate(tokens):
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        if depth == 0 and token.token_type in _CLOSE and not bracket_ends:
            bracket_ends = index
        if depth == 0 and _word(tokens, index) in ("TO", "FROM"):
            direction = _word(tokens, index)
            break
    if direction == "FROM":
        return Statement((), frozenset())
    if direction != "TO":
        return Refused("the COPY statement has no direction")
    if _word(tokens, 1) == "(":
        return _query(text, tokens[2:bracket_ends], "export")
    head = tokens[1 : index if not bracket_ends else _first_open(tokens)]
    name = ".".join(_identifier(part) for part in head if part.token_type is not TokenType.DOT)
    columns = tokens[_first_open(tokens) + 1 : bracket_ends] if bracket_ends else []
    names = [_identifier(part) for part in columns if part.token_type is not TokenType.COMMA] or ["*"]
    relation = Relation(name, name.rpartition(".")[2])
    outputs = tuple(ColumnRef(relation.alias, column) for column in names)
    scope = ReadScope("export", (relation,), outputs, (), (), whole=True)
    return Statement((scope,), frozenset({relation.bare_name.lower()}))


def _first_open(tokens: Sequence[Token]) -> int:
    return next(index for index, token in enumerate(tokens) if token.token_type in _OPEN)


def _identifier(token: Token) -> str:
    return token.text if token.token_type is TokenType.IDENTIFIER else token.text.lower()


def _query(text: str, tokens: Sequence[Token], action: Action | None) -> Statement | Refused:
    if not tokens:
        return Refused("the statement is not complete")
    query = text[tokens[0].start : tokens[-1].end + 1]
    try:
        with _sqlglot_silenced():
            parsed = sqlglot.parse(query, dialect="postgres")
    except _FAILURES:
        return Refused("the statement cannot be parsed")
    if len(parsed) != 1 or parsed[0] is None or isinstance(parsed[0], exp.Command):
        return Refused("the statement is not understood")
    try:
        return _scopes_in(parsed[0], action)
    except RecursionError:
        return Refused("the statement's conditions nest too deep")
    except _FAILURES:
        return Refused("the statement is built in a way that is not understood")


@contextlib.contextmanager
def _sqlglot_silenced() -> Iterator[None]:
    """Without sqlglot's warnings, which repeat the statement with the values in it."""
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _scopes_in(root: exp.Expr, action: Action | None) -> Statement | Refused:
    if isinstance(root, exp.Merge):
        return Refused("the statement is a MERGE, which is not understood")
    if isinstance(root, exp.Insert) or root.find(exp.Into) is not None:
        action = action or "export"
    common = frozenset(cte.alias_or_name.lower() for cte in root.find_all(exp.CTE))
    scopes: list[ReadScope] = []
    for node in _showing(root):
        if isinstance(node, exp.Select):
            scopes.append(select_scope(node, common, action or "view"))
        elif isinstance(node, _CHANGING) and node.args.get("returning") is not None and not _is_own_row(node):
            scopes.append(select_scope(node, common, "update"))
    mentioned = frozenset(table.name.lower() for table in root.find_all(exp.Table))
    return Statement(tuple(scope for scope in scopes if scope.outputs), mentioned)


def _is_own_row(node: exp.Expr) -> bool:
    """An INSERT gives back what was just put in; with ON CONFLICT it may be a row that was there before."""
    return isinstance(node, exp.Insert) and node.args.get("conflict") is None


def _showing(root: exp.Expr) -> Iterator[exp.Expr]:
    """The statement's nodes, level by level, without the SELECTs that only decide which rows are shown.

    What is above a node is said to it on the way down: to look it up from each of many would be quadratic.
    """
    pending = deque([(root, False)])
    while pending:
        node, decides = pending.popleft()
        if not (decides and isinstance(node, exp.Select)):
            yield node
        decides = decides or isinstance(node, _DECIDING)
        for part in node.iter_expressions():
            pending.append((part, decides or (isinstance(node, exp.Join) and part.arg_key == "on")))


texts_read = Remembered(_read_text, REMEMBERED_CEILING_CHARACTERS)
"""By whole texts: each table of a statement has a line of its own with the whole text again."""
patterns_read = Remembered(_read, REMEMBERED_CEILING_CHARACTERS)
"""By texts without their constants."""
