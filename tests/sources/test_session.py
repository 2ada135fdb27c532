"""Classes of `__main__` as a module of their own: what is taken along, and what cannot be."""

import linecache
import sys
from types import ModuleType

import pytest

from priorlab.errors import UsageError
from priorlab.sources import session


@pytest.fixture
def cell(monkeypatch):
    """Run code as a cell of a notebook does."""
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    count = iter(range(100))

    def run(code):
        name = f"<cell {next(count)}>"
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        exec(compile(code, name, "exec"), vars(main))
        return main

    return run


def made(text):
    """Run the text of a module elsewhere, and return what it defines."""
    module = ModuleType("made")
    exec(text, vars(module))
    return module


def test_a_class_is_taken_with_what_it_refers_to_and_nothing_else(cell):
    cell("import math as m\nfrom collections import OrderedDict\nUNUSED = object()\n")
    cell("SCALE = (2, 3.5)\ndef twice(x):\n    return SCALE[0] * half(m.sqrt(x))\n")
    cell("half = lambda x: x / 2\n")
    main = cell(
        "def marked(kind):\n    kind.mark = OrderedDict\n    return kind\n"
        "class Base:\n    def root(self, UNUSED):\n        return twice(UNUSED)\n"
        "@marked\nclass Prior(Base):\n    width: int = SCALE[1]\n    @property\n"
        "    def area(self):\n        return self.root(16) * self.width\n"
    )
    text = session.module_of(main.Prior)
    assert "UNUSED = " not in text and "import math as m" in text
    found = made(text)
    assert found.Prior().area == main.Prior().area == 14.0
    assert found.Prior.mark is main.Prior.mark


def test_what_a_class_refers_to_changes_its_text(cell):
    main = cell("S = 1\nclass Prior:\n    def f(self):\n        return S\n")
    first = session.module_of(main.Prior)
    main.S = 2
    assert session.module_of(main.Prior) != first


def test_annotations_stay_texts_where_the_cell_has_them_so(cell):
    main = cell(
        "from __future__ import annotations\nclass Prior:\n    def f(self) -> Unknown:\n"
        "        return 1\n"
    )
    assert made(session.module_of(main.Prior)).Prior().f() == 1


@pytest.mark.parametrize(
    ("before", "body", "says"),
    [
        ("held = object()", "return held", "Prior uses held, a object of the session that another"),
        ("class A:\n    x = 1", "return A", "the source of A is not known|uses A, a type of"),
    ],
)
def test_what_cannot_be_taken_along_is_named(cell, before, body, says):
    main = cell(f"{before}\nclass Prior:\n    def f(self):\n        {body}\n")
    with pytest.raises(UsageError, match=says):
        session.module_of(main.Prior)
