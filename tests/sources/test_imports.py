"""Imports are found in the code, and modules by their names, without running anything."""

import ast
from pathlib import Path

import pytest

import priorlab
from priorlab.sources.imports import Module, locate, providers, references

CORE = Path(priorlab.__file__).parent
INSIDE = Module("acme.sub.mine", Path("/x/acme/sub/mine.py"), Path("/x"), package=False)
PACKAGE = Module("acme.sub", Path("/x/acme/sub/__init__.py"), Path("/x"), package=True)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import a, b.c as d", {("a", ""), ("b.c", "")}),
        ("from a.b import c, d", {("a.b", "c"), ("a.b", "d")}),
        ("def f():\n    from a import b", {("a", "b")}),
        ("class A:\n    def f(self):\n        if x:\n            import a", {("a", "")}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {("a", ""), ("b", "")}),
        ("from . import a", {("acme.sub", "a")}),
        ("from .a import b", {("acme.sub.a", "b")}),
        ("from ..a import b", {("acme.a", "b")}),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {("b", "")}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
        ("import priorlab\npriorlab.Denoiser", {("priorlab", ""), ("priorlab", "Denoiser")}),
        ("import priorlab as p\np.Task\np.x.y", {("priorlab", n) for n in ("", "Task", "x")}),
        ("import os, priorlab\nos.path", {("os", ""), ("priorlab", "")}),
        (
            "import priorlab.testing\npriorlab.Denoiser",
            {("priorlab.testing", ""), ("priorlab", "Denoiser")},
        ),
        ("import priorlab.testing as p\np.Denoiser", {("priorlab.testing", "")}),
    ],
)
def test_what_a_module_imports(code, found):
    assert references(ast.parse(code), INSIDE) == found


def test_relative_imports_of_a_package_start_in_itself():
    assert references(ast.parse("from . import a\nfrom .. import b"), PACKAGE) == {
        ("acme.sub", "a"),
        ("acme", "b"),
    }


@pytest.mark.parametrize("name", priorlab.SURFACE)
def test_public_names_stand_for_the_modules_that_define_them(name):
    expected = [] if name == "hookimpl" else [priorlab.SURFACE[name]]
    assert providers("priorlab", name) == expected


@pytest.mark.parametrize(
    ("base", "name", "found"),
    [
        ("priorlab", "trace", ["priorlab.trace"]),
        ("priorlab", "__version__", []),
        ("priorlab", "", []),
        ("priorlab.forward", "noise", ["priorlab.forward.noise"]),
        ("priorlab.forward.noise", "Noise", ["priorlab.forward.noise"]),
        ("priorlab.forward", "", ["priorlab.forward"]),
    ],
)
def test_a_name_in_a_package_may_be_a_module(base, name, found):
    assert providers(base, name) == found


def test_everything_of_the_surface():
    assert set(providers("priorlab", "*")) == set(priorlab.SURFACE.values()) - {
        "priorlab.hookspecs"
    }


@pytest.mark.parametrize(
    ("name", "file", "package"),
    [
        ("priorlab", "__init__.py", True),
        ("priorlab.trace", "trace.py", False),
        ("priorlab.forward", "forward/__init__.py", True),
        ("priorlab.forward.noise", "forward/noise.py", False),
    ],
)
def test_modules_are_located(name, file, package):
    assert locate(name) == Module(name, CORE / file, CORE.parent, package)


@pytest.mark.parametrize(
    "name", ["no_such_module", "priorlab.none", "priorlab.trace.Trace", "sys", "priorlab.none.x"]
)
def test_what_is_no_module_in_python_is_not_located(name):
    assert locate(name) is None


def test_namespace_packages_are_located(tmp_path, monkeypatch):
    file = tmp_path / "acme_ns" / "inner" / "mine.py"
    file.parent.mkdir(parents=True)
    file.write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("acme_ns") == Module("acme_ns", None, tmp_path, package=True)
    assert locate("acme_ns.inner") == Module("acme_ns.inner", None, tmp_path, package=True)
    assert locate("acme_ns.inner.mine") == Module(
        "acme_ns.inner.mine", file, tmp_path, package=False
    )
