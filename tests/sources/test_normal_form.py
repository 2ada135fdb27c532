"""The normal form of code: equal for equal code in other words, and stable."""

import ast
import hashlib

import pytest

from priorlab.sources.normal_form import executed, normal_form

CODE = '''
"""A module."""
from typing import TYPE_CHECKING
import torch.nn as nn

if TYPE_CHECKING:
    from priorlab.priors import Prior
else:
    Prior = object

WIDTH = 3.0
"""Pixels."""

class Mine(Prior):
    """A prior."""

    name = "mine"
    count: int = 2

    async def run(self, x, /, *args: int, scale=1e-3, **rest) -> None:
        """Run."""
        async with x as y, self:
            yield [a async for a in y if a is not None]

    @property
    def doubled(self):
        # twice
        return lambda x=(1, -2): x[::2] @ x[..., None] if x else {**self.rest, "a": b"b"}

def f(x):
    match x:
        case {"a": [1, *rest], **others} | None:
            return f"{x!r:>{WIDTH:g}}" "and" f"{x=}" rf"\\d{{}}"
        case nn.Module(weight=1.5) as found if (n := len(found)) > 2:
            raise ValueError from None
    try:
        global WIDTH
        WIDTH += x[1:2, ...]
    except* (OSError, ValueError) as error:
        del x, error
    return not x or 2j < x <= 10**30
'''


def form(text):
    return normal_form(ast.parse(text))


def test_words_and_layout_make_no_difference():
    other = CODE.replace("A prior", "An idea").replace("# twice", "# 2 x").replace("Pixels", "px")
    other = other.replace("import Prior\n", "import Prior, Denoiser\n")
    other = other.replace('name = "mine"', "name = (\n        'mine')").replace("Run.", "Run\n\n.")
    assert other != CODE
    assert form(other) == form(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3.0", "3"),
        ("1e-3", "1e-4"),
        ("-2", "+2"),
        ("!r", "!s"),
        (":g}", ":f}"),
        ('"and"', '"or"'),
        ("is not None", "is None"),
        ("@property", "@cached_property"),
        ("= object", "= type"),
        ("count: int = 2", "count = 2"),
        ("/, *args", "*args"),
        ("raise ValueError from None", "raise ValueError"),
        ("not x or", "not x and"),
        ('b"b"', '"b"'),
        ("case nn.Module(weight=1.5)", "case nn.Module(bias=1.5)"),
        ("async for", "for"),
        ("as nn", "as n"),
    ],
)
def test_code_makes_a_difference(old, new):
    assert old in CODE
    assert form(CODE.replace(old, new)) != form(CODE)


@pytest.mark.parametrize(
    ("start", "call", "equal"),
    [
        ("from priorlab import parameter", "parameter(1, {}, low=0)", True),
        ("from priorlab.components import parameter as p", "p(1, doc={}, low=0)", True),
        ("from priorlab import parameter", "parameter({}, 'x', low=0)", False),
        ("from priorlab import parameter", "parameter(1, 'x', unit={})", False),
        ("from mine import parameter", "parameter(1, {}, low=0)", False),
    ],
)
def test_the_meaning_of_a_parameter_is_not_code(start, call, equal):
    one, other = (form(f"{start}\nk: int = " + call.format(text)) for text in ("'a'", "'b'"))
    assert (one == other) == equal


def test_the_form_is_the_same_in_every_version_of_python():
    digest = hashlib.sha256(form(CODE).encode()).hexdigest()
    assert digest == FORM, "all results that users have stored would be forgotten"


FORM = "08007e2476ec58ecb0d807c34df8b36d971d0fe731b4a38086d8a8774329571d"


def test_fields_that_newer_versions_add_are_left_out_where_they_are_empty():
    tree = ast.parse(CODE)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            node._fields = (*node._fields, "type_params")
            node.type_params = []
    assert normal_form(tree) == form(CODE)


def test_pieces_of_an_f_string_are_joined():
    (whole,) = (node for node in ast.walk(ast.parse("f'ab{x}'")) if isinstance(node, ast.JoinedStr))
    parts = [ast.Constant("a"), ast.Constant(""), ast.Constant("b"), whole.values[1]]
    assert normal_form(ast.JoinedStr(parts)) == normal_form(whole)


PACKAGE = """
import os
from priorlab import hookimpl
__version__ = "1.0"
TABLE = prepare(os.environ)

def prepare(values):
    return Helper(values)

class Helper:
    size = limit()
    def __init__(self, values):
        self.values = values

class Other:
    size = 2
    def method(self):
        return 1

def limit():
    return 3

def later():
    return 4

@hookimpl
def priorlab_priors():
    from mine.prior import Mine
    return [Mine]
"""


def shell(text):
    return normal_form(executed(ast.parse(text)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 4", "return 5"),
        ("return [Mine]", "return []"),
        ("import Mine", "import Mine, Yours"),
        ('"1.0"', '"1.1"'),
        ("return 1", "return 0"),
    ],
)
def test_what_importing_does_not_execute_is_left_out(old, new):
    assert old in PACKAGE
    assert shell(PACKAGE.replace(old, new)) == shell(PACKAGE)
    assert form(PACKAGE.replace(old, new)) != form(PACKAGE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import os", "import os, sys"),
        ("prepare(os.environ)", "prepare(os.name)"),
        ("return Helper(values)", "return Helper(None)"),
        ("self.values = values", "self.values = 0"),
        ("size = 2", "size = 1"),
        ("return 3", "return 2"),
    ],
)
def test_what_importing_executes_counts(old, new):
    assert old in PACKAGE
    assert shell(PACKAGE.replace(old, new)) != shell(PACKAGE)
