"""The documentation is true: links lead somewhere, figures and tables are those of the code."""

import dataclasses
import inspect
import json
import re
import shlex
import sys
import tomllib
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from mkdocs.exceptions import PluginError

from priorlab import api, cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path[:0] = [str(DOCS / "site"), str(DOCS / "figures")]

import make_figures  # noqa: E402
import nothing_from_elsewhere  # noqa: E402
import reference  # noqa: E402

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "results").rglob("*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path):
    return path.relative_to(ROOT).as_posix()


def prose(text):
    """Return Markdown without its code."""
    text = re.sub(r"^(```+|~~~+).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page):
    """Return what links may name of a page: its headings, as GitHub and MkDocs write them."""
    found = set()
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE):
        plain = unicodedata.normalize("NFKD", heading).lower()
        found.add(re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", plain).strip()))
    return found


def broken(page):
    """Yield the links of a page that lead nowhere."""
    for link in LINK.findall(prose(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    assert list(broken(page)) == []


FILE = re.compile(
    r"(?<![\w/\".])(?:tests|benchmarks|plugins|docs|results)/[\w/-]+\.(?:py|md|toml)\b"
)


def test_files_that_the_code_names_are_there():
    named = {
        (name(path), found)
        for folder in ("priorlab", "plugins", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for found in FILE.findall(path.read_text("utf-8"))
    }
    assert len(named) > 20
    assert [item for item in sorted(named) if not (ROOT / item[1]).exists()] == []


def test_the_priors_that_gain_from_batches_are_named():
    page = (DOCS / "comparing-priors.md").read_text("utf-8")
    listed = re.search(r"Priors that gain from batches \((.*?)\)", page, re.DOTALL)[1]
    always, where_typed = (
        set(re.findall(r"`([\w-]+)`", part)) for part in listed.split("`batch=8`")
    )
    registry = api.load_plugins()
    gaining = {}
    for typed in ("", ":batch=8"):
        named = [kind for kind in registry.priors if has_field(registry.priors[kind], typed)]
        built = [
            registry.build_priors(f"{kind}{typed}")[0] for kind in named if kind != "checkpoint"
        ]
        gaining[typed] = {prior.name for prior in built if prior.batched}
    assert (always, where_typed) == (gaining[""], gaining[":batch=8"])


def test_settings_that_python_calls_otherwise_are_named():
    page = (DOCS / "comparing-priors.md").read_text("utf-8")
    section = page.partition("## From Python")[2].partition("```")[0]
    options = vars(cli._parser().parse_args(["bench"]))
    other = [key for key in inspect.signature(api.bench).parameters if key not in options]
    assert set(other) == set(re.findall(r"`([a-z]+_[a-z]+)`", section))
    assert set(re.findall(r"`--([a-z-]+)`", section)) <= {key.replace("_", "-") for key in options}


def has_field(kind, typed):
    return not typed or "batch" in {field.name for field in dataclasses.fields(kind)}


def test_a_link_that_leads_nowhere_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[a](#a-heading) [b](#another) [c](none.md) [d](page.md)\n")
    assert list(broken(page)) == ["#another", "none.md"]


def navigation(entries):
    for entry in entries:
        for value in entry.values():
            yield from navigation(value) if isinstance(value, list) else [value]


def test_every_page_can_be_found():
    """A new page of docs/ belongs into the navigation of mkdocs.yml."""
    listed = set(navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    pages |= {path.relative_to(DOCS).with_suffix(".md").as_posix() for path in NOTEBOOKS}
    assert pages <= listed


@pytest.mark.parametrize("page", reference.PAGES, ids=name)
def test_the_reference_is_that_of_the_code(page):
    assert reference.updated(page.read_text("utf-8")) == page.read_text("utf-8")


def test_every_block_of_the_reference_stands_somewhere():
    text = "".join(page.read_text("utf-8") for page in reference.PAGES)
    assert set(re.findall(r"<!-- begin ([a-z-]+) -->", text)) == set(reference.BLOCKS)


PRIOR = make_figures.PAGE.read_text("utf-8")
DRAWN = json.loads((DOCS / "figures" / "figures.json").read_text("utf-8"))


def test_each_figure_of_the_page_was_drawn_and_no_other():
    names = {name for _, name in make_figures.blocks(PRIOR) if name}
    assert names == set(DRAWN) == {path.stem for path in (DOCS / "figures").glob("*.webp")}
    assert set(re.findall(r"\(figures/(\w+)\.webp\)", PRIOR)) == names


def test_figures_are_small():
    assert sum(path.stat().st_size for path in (DOCS / "figures").iterdir()) < 600_000


def test_the_figures_show_what_the_page_says_of_them():
    tv = list(DRAWN["weights"].values())
    assert tv[1] > max(tv[0], tv[2]), "a good weight lies between"
    assert DRAWN["blur"]["weight=0.0001"] < DRAWN["blur"]["the data y"] < DRAWN["blur"]["weight=1"]
    first, best, last = DRAWN["steps"].values()
    assert best > max(first, last), "a network fits the picture first and then its noise"
    misfits = [float(label.partition("misfit ")[2]) for label in DRAWN["steps"]]
    assert misfits == sorted(misfits, reverse=True)


def test_the_code_of_the_page_is_that_of_the_figures():
    """The blocks that take no time run here, and give the figures that were drawn."""
    space = {}
    for code, figure in make_figures.blocks(PRIOR):
        if figure in ("data", "weights", "blur"):
            exec(code, space)
            for label, psnr in DRAWN[figure].items():
                assert float(space["psnr"](space["shown"][label])) == pytest.approx(psnr, abs=0.02)


NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_was_run_from_top_to_bottom(path):
    text = path.read_text("utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert outputs and not [one for one in outputs if one["output_type"] == "error"]
    assert len(text) < 400_000
    assert not re.search(r"/(home|root|tmp|work|Users)/", text), "no path of a machine"


def test_the_prior_of_the_notebook_can_be_tuned_as_it_says():
    cells = json.loads((DOCS / "notebooks/write-a-prior.ipynb").read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert any("priorlab tune few-edges" in source for source in sources)
    (code,) = (source for source in sources if source.startswith("%%writefile few_edges.py"))
    space = {}
    exec(code.partition("\n")[2], space)
    (weight,) = (one for one in dataclasses.fields(space["FewEdges"]) if one.name == "weight")
    assert weight.metadata["search"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_runs(path):
    sys.path.insert(0, str(DOCS / "notebooks"))
    import execute

    execute.execute(path)


def test_the_citation_names_this_version():
    import priorlab

    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert facts["version"] == priorlab.__version__
    assert facts["cff-version"] == "1.2.0" and facts["authors"] and facts["title"]


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<img alt='' src=//images.example/x.png>",
        '<link rel="stylesheet" href="https://fonts.example/css">',
    ],
)
def test_a_page_that_loads_from_elsewhere_breaks_the_build(page, tmp_path):
    config = {"site_dir": str(tmp_path)}
    (tmp_path / "page.html").write_text('<a href="https://example.org">a link</a>')
    nothing_from_elsewhere.on_post_build(SimpleNamespace(**config))
    (tmp_path / "page.html").write_text(page)
    with pytest.raises(PluginError, match=r"page.html: (https:)?//"):
        nothing_from_elsewhere.on_post_build(SimpleNamespace(**config))


def test_the_badges_are_true():
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    badges = {path.stem: path.read_text("utf-8") for path in (DOCS / "badges").glob("*.svg")}
    assert f">{facts['license']}</text>" in badges.pop("licence")
    assert f">{facts['requires-python'].replace('>=', '≥ ')}</text>" in badges.pop("python")
    assert not badges


def commands():
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.split(r"  #| > ", line)[0].strip()
                if re.match(r"priorlab [a-z]", command) and "..." not in command:
                    yield command


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_is_understood(command):
    typed = shlex.split(command)[1:]
    further = cli._parser().parse_known_args(typed)[1]
    assert not further or typed[0] == "train"


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_is_one_to_the_shell_as_well(command):
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True  # a sweep without quotes, a=1|2, would be a pipe
    assert list(words) == shlex.split(command, comments=True)
