"""What a user's SQL may say.

Users write Trino's dialect on every engine. The statement is parsed, checked node by node against what is allowed,
and written anew from the tree: nothing of the user's text reaches an engine as it was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from evoke.domain.errors import QueryRefused
from evoke.sql.functions import ALLOWED_FUNCTIONS, REFUSED_FUNCTIONS
from evoke.sql.views import VIEWS

MAX_SQL_CHARACTERS = 100_000
_EXPLAIN = re.compile(r"\s*explain\s+(?=\w|\()", re.IGNORECASE)
_SHOW_TABLES = re.compile(r"\s*show\s+tables\s*;?\s*", re.IGNORECASE)
_DESCRIBE = re.compile(
    r"\s*(?:describe|desc|show\s+columns\s+(?:from|in))\s+\"?(\w+)\"?\s*;?\s*", re.IGNORECASE
)
_REFUSED_NODES = (
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Parameter,
    exp.Placeholder,
    exp.SessionParameter,
    exp.Version,
    exp.Pragma,
    exp.Set,
    exp.Use,
    exp.Attach,
    exp.Copy,
)


@dataclass(frozen=True)
class Statement:
    """A statement that may be run, in Trino's dialect.

    wanted: its rows, the engine's plan for it, or its columns, each as a row of name and type.
    """

    tree: exp.Query
    wanted: Literal["rows", "plan", "columns"] = "rows"


def read_statement(text: str) -> Statement:
    """Read and check one statement. Raises QueryRefused with line and column where there is one."""
    if len(text) > MAX_SQL_CHARACTERS:
        raise QueryRefused(f"the statement is longer than {MAX_SQL_CHARACTERS} characters")
    if _SHOW_TABLES.fullmatch(text):
        return Statement(_parsed(_tables()))
    if described := _DESCRIBE.fullmatch(text):
        return _description(described[1])
    explained = _EXPLAIN.match(text)
    # Blanks in place of the word keep the positions of what follows.
    body = " " * explained.end() + text[explained.end() :] if explained else text
    tree = _parsed(body)
    _check(tree)
    return Statement(tree, "plan" if explained else "rows")


def written(tree: exp.Expr, dialect: str) -> str:
    """Return a statement in an engine's words. Raises QueryRefused for what cannot be said there."""
    try:
        return tree.sql(dialect=dialect)
    except (SqlglotError, RecursionError) as error:
        raise QueryRefused(f"the statement cannot be translated: {str(error)[:200]}") from error


def _parsed(text: str) -> exp.Query:
    try:
        trees = [tree for tree in sqlglot.parse(text, read="trino") if tree is not None]
    except SqlglotError as error:
        raise QueryRefused(_syntax(error)) from error
    except RecursionError:
        raise QueryRefused("the statement is nested too deeply") from None
    if len(trees) != 1:
        raise QueryRefused("give exactly one statement")
    tree = trees[0]
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree.as_("rows"))
    if not isinstance(tree, exp.Query):
        raise QueryRefused("only SELECT, WITH, VALUES, EXPLAIN, DESCRIBE and SHOW TABLES are allowed")
    return tree


def _syntax(error: SqlglotError) -> str:
    for known in getattr(error, "errors", ()):
        place = f"line {known['line']}, column {known['col']}: "
        return f"{place}{known['description'].partition(' but got')[0]} near {known['highlight']!r}"
    return str(error).splitlines()[0]


def _check(tree: exp.Query) -> None:
    defined = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    if taken := sorted(defined & set(VIEWS)):
        raise QueryRefused(f"{taken[0]!r} is a view: give the query in WITH another name")
    for node in tree.walk():
        if isinstance(node, _REFUSED_NODES):
            raise QueryRefused(
                f"{_place(node)}{type(node).__name__.lower()} is not allowed: queries only read"
            )
        if isinstance(node, exp.Table):
            _check_table(node, defined)
        elif isinstance(node, exp.Func):
            _check_function(node)


def _check_table(table: exp.Table, defined: set[str]) -> None:
    if not isinstance(table.this, exp.Identifier):
        raise QueryRefused(f"{_place(table)}functions that return tables are not allowed, but for UNNEST")
    if table.args.get("db") or table.args.get("catalog"):
        raise QueryRefused(f"{_place(table)}name the view alone, without schema: {', '.join(VIEWS)}")
    if table.name.lower() not in (*VIEWS, *defined):
        raise QueryRefused(f"{_place(table)}there is no {table.name!r}; there are {', '.join(VIEWS)}")


def _check_function(function: exp.Func) -> None:
    if isinstance(function, REFUSED_FUNCTIONS):
        raise QueryRefused(f"{_place(function)}{function.sql_name().lower()} is not allowed")
    if isinstance(function, exp.Anonymous | exp.AnonymousAggFunc) and (
        function.name.lower() not in ALLOWED_FUNCTIONS
    ):
        raise QueryRefused(f"{_place(function)}there is no function {function.name!r}")


def _place(node: exp.Expr) -> str:
    for found in node.find_all(exp.Identifier, exp.Func):
        if "line" in found.meta:
            return f"line {found.meta['line']}, column {found.meta['col'] - len(found.name) + 1}: "
    return ""


def _tables() -> str:
    names = ", ".join(f"('{name}')" for name in VIEWS)
    return f'SELECT * FROM (VALUES {names}) AS t("table")'


def _description(name: str) -> Statement:
    if name.lower() not in VIEWS:
        raise QueryRefused(f"there is no {name!r}; there are {', '.join(VIEWS)}")
    return Statement(exp.select("*").from_(name.lower()).where("false"), "columns")
