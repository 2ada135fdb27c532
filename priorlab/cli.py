"""The command line: parses, calls the Python interface, prints. Nothing is computed here.

Exit codes: 0 all well, 1 some cells failed, 2 the user's input cannot be used, 3 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from priorlab.errors import UsageError, check_seed

if TYPE_CHECKING:
    from priorlab.harness.results.runs import Run
    from priorlab.harness.run.suites import Suite
    from priorlab.registry import Registry

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 3
EXAMPLES = """examples:
  priorlab bench --tasks denoise,inpaint
  priorlab bench --tasks "denoise:sigma=15|25|50" --priors tv,unet --dataset my_photos/ --seeds 0,1
  priorlab bench --suite table.toml --dataset set12/
  priorlab restore photo.jpg --task denoise --prior unet -o clean.png
  priorlab show dip
  priorlab explain dip photo.jpg -o curves.png
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Before torch is imported: its idle threads are to sleep, not to spin on cores in use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        typed = list(sys.argv[1:] if arguments is None else arguments)
        options = _parser().parse_args(typed, argparse.Namespace(typed=typed))
        return int(options.command(options))
    except UsageError as error:
        print(f"priorlab: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("priorlab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `priorlab list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:  # such as a results folder that was deleted meanwhile
        print(f"priorlab: {error}", file=sys.stderr)
        return USAGE


class _Parser(argparse.ArgumentParser):
    """Reports mistakes as every other part does: one sentence, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see '{self.prog} --help')")


def _parser() -> _Parser:
    parser = _Parser(
        prog="priorlab",
        description="Compare image priors, learned, handcrafted and deep-image-prior, "
        "on the same evidence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    plugged = _Parser(add_help=False)
    plugged.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="also load this plugin file"
    )
    plugged.add_argument(
        "--plugin-dir", action="append", default=[], metavar="DIR", help="also load its plugins"
    )

    bench = commands.add_parser("bench", parents=[plugged], help="compare priors in a table")
    bench.set_defaults(command=_bench)
    bench.add_argument(
        "--suite",
        type=Path,
        metavar="FILE",
        help="take from this TOML file what is not typed: the protocol of a published table",
    )
    # No defaults here: what is typed goes before the suite, and the suite before a default.
    bench.add_argument("--tasks", help="specs (default: denoise,inpaint)")
    bench.add_argument("--priors", help="specs (default: all but those 'only when named')")
    bench.add_argument("--dataset", help="a name or a folder of images (default: photos)")
    bench.add_argument("--images", help="only these of the dataset, such as house,lena")
    bench.add_argument("--seeds", help="such as 0,1,2 (default: 0)")
    bench.add_argument(
        "--out", type=Path, default=Path("results"), help="results folder (default: %(default)s)"
    )
    bench.add_argument("--name", help="name of the run (default: made from the grid)")
    bench.add_argument("--slots", type=_positive, help="cells at a time (default: one per core)")
    bench.add_argument("--threads", type=_positive, help="threads of a cell (default: 1)")
    bench.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="hard limit for a cell (default: 1800)",
    )
    bench.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")
    bench.add_argument("--dry-run", action="store_true", help="show what would run, and how long")

    restore = commands.add_parser("restore", parents=[plugged], help="restore a picture")
    restore.set_defaults(command=_restore)
    restore.add_argument("image", type=Path)
    restore.add_argument(
        "--task",
        default="denoise",
        help="how it was degraded (default: denoise, its sigma estimated)",
    )
    restore.add_argument("--prior", required=True, help="a spec, such as tv; see 'priorlab list'")
    restore.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    restore.add_argument("--seed", type=int, default=0)
    restore.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")

    degrade = commands.add_parser("degrade", parents=[plugged], help="make a degraded picture")
    degrade.set_defaults(command=_degrade)
    degrade.add_argument("image", type=Path)
    degrade.add_argument("--task", default="denoise", help="a spec (default: %(default)s)")
    degrade.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    degrade.add_argument("--seed", type=int, default=0)

    explain = commands.add_parser(
        "explain", parents=[plugged], help="draw how a network fits a picture before its noise"
    )
    explain.set_defaults(command=_explain)
    explain.add_argument("name", help="a spec of a prior that fits a network, such as dip")
    explain.add_argument("image", type=Path)
    explain.add_argument("-o", "--output", type=Path, required=True, help="the picture to write")
    explain.add_argument("--iterations", type=_positive, help="steps of each of five fits")
    explain.add_argument("--seed", type=int, default=0)
    explain.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")

    listing = commands.add_parser(
        "list", parents=[plugged], help="list priors, tasks, datasets, metrics"
    )
    listing.set_defaults(command=_list)

    show = commands.add_parser("show", parents=[plugged], help="explain one of them")
    show.set_defaults(command=_show)
    show.add_argument("name")

    loaded = commands.add_parser(
        "plugins", parents=[plugged], help="list the plugins and what is wrong with them"
    )
    loaded.set_defaults(command=_plugins)

    table = commands.add_parser("table", help="print the table of a run again")
    table.set_defaults(command=_table)
    table.add_argument("run", help="its folder, or its name in the results folder")
    table.add_argument("--format", choices=("md", "csv", "latex"), default="md")
    table.add_argument("--per-image", action="store_true", help="a row for every image and seed")
    table.add_argument("--reference", metavar="PRIOR", help="compare each prior with this one")
    table.add_argument("--out", type=Path, default=Path("results"), help="results folder")

    train = commands.add_parser("train", parents=[plugged], help="train a learned prior")
    train.set_defaults(command=_train)
    train.add_argument("name", help="what to train, such as unet")
    train.add_argument("--dataset", type=Path, required=True, help="folder of clean images")
    train.add_argument("--channels", type=int, choices=(1, 3), default=1)
    train.add_argument("--steps", type=_positive, default=15000)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("-o", "--output", type=Path, required=True, help="weights file to write")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _registry(options: argparse.Namespace) -> Registry:
    from priorlab import plugins

    return plugins.load(options.plugin, options.plugin_dir)


def _bench(options: argparse.Namespace) -> int:
    from priorlab import api
    from priorlab.harness.run import bench, plan, progress

    suite = _with_suite(options)
    registry = _registry(options)
    priors = api.select_priors(options.priors, registry)
    tasks = api.select_tasks(options.tasks, registry)
    for broken in registry.problems:
        print(f"plugin {broken.name}: {broken.problem}", file=sys.stderr)
    grid = {
        "registry": registry,
        "out": options.out,
        "name": options.name,
        "slots": options.slots,
        "threads": options.threads,
        "device": options.device,
    }
    dataset = api.select_images(api.load_dataset(options.dataset, registry), options.images)
    seeds = options.seeds
    if options.dry_run:
        print(plan.plan(priors, tasks, dataset, seeds, **grid).text())
        return OK
    done = bench.run(
        priors,
        tasks,
        dataset,
        seeds,
        timeout_s=options.timeout,
        plugin_files=options.plugin,
        plugin_folders=options.plugin_dir,
        progress=progress.for_terminal(),
        command=shlex.join(["priorlab", *options.typed]),
        suite=suite.about(),
        **grid,
    )
    _print_table(done)
    if len(done.rows):
        print(f"wrote {done.folder}/: table.md, table.csv, images.csv, images/ and, to look at:")
        for sheet in sorted(done.folder.glob("*.png")):
            print(f"  {sheet}")
    if done.interrupted:
        left = f"{done.info['total'] - len(done.rows)} of {done.info['total']} cells left"
        print(f"priorlab: stopped with {left}; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return FAILED if done.failures else OK


def _with_suite(options: argparse.Namespace) -> Suite:
    """Fill in what was not typed, from the suite and then from the defaults."""
    from priorlab.harness.run import suites

    suite = suites.load(options.suite) if options.suite else suites.Suite()
    if options.suite and not (options.dataset or suite.dataset):
        which = f" with the images {', '.join(suite.images)}" if suite.images else ""
        raise UsageError(f"{options.suite} names no dataset: add --dataset FOLDER{which}")
    if options.seeds is not None:
        options.seeds = _seeds(options.seeds)
    defaults = {
        "tasks": "denoise,inpaint",
        "priors": None,
        "dataset": "photos",
        "images": None,
        "seeds": [0],
        "threads": 1,
        "timeout": 1800.0,
    }
    for name, default in defaults.items():
        for value in (getattr(suite, name), default):
            if getattr(options, name) is None:
                setattr(options, name, value)
    return suite


def _table(options: argparse.Namespace) -> int:
    from priorlab.harness.report import tables
    from priorlab.harness.results import runs

    run = runs.load(options.run, options.out)
    if options.per_image:
        if options.format != "csv":
            raise UsageError("--per-image goes with --format csv")
        print(tables.per_image(run.rows), end="")
        return OK
    print(tables.render(run.rows, options.format, run.header, reference=options.reference))
    return OK


def _print_table(run: Run) -> None:
    """Print the tables in the terminal's width."""
    from rich.console import Console

    from priorlab.harness.report import tables

    if len(run.rows):
        console = Console()
        console.print(tables.terminal(run.rows, run.header, width=console.width), end="\n\n")


def _seeds(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise UsageError(f"--seeds {text!r} is not a list of whole numbers, such as 0,1,2")
    return [int(part) for part in parts]


def _restore(options: argparse.Namespace) -> int:
    from priorlab import api
    from priorlab.pictures import arrays, extra_pictures, writing

    check_seed(options.seed)
    channels = len(api.load_picture(options.image))
    writing.check_writable(options.output, channels=channels)
    extra = extra_pictures.PictureCollector()
    restored = api.restore(
        options.image,
        options.task,
        options.prior,
        seed=options.seed,
        device=options.device,
        trace=extra,
        registry=_registry(options),
        say=print,
    )
    writing.write(options.output, api.planes(restored))
    print(f"wrote {options.output}")
    for picture in extra.pictures():
        path = options.output.with_name(f"{options.output.stem}-{picture.name}.png")
        writing.write(path, arrays.gray_or_rgb(picture.image))
        print(f"wrote {path}: {extra_pictures.legend(picture.name, picture.white)}")
    return OK


def _degrade(options: argparse.Namespace) -> int:
    from priorlab import api
    from priorlab.pictures import writing

    check_seed(options.seed)
    channels = len(api.load_picture(options.image))
    writing.check_writable(options.output, channels=channels)
    degraded, mask = api.degrade(
        options.image, options.task, seed=options.seed, registry=_registry(options)
    )
    writing.write(options.output, api.planes(degraded.clip(0, 1)))
    print(f"wrote {options.output}")
    if mask is not None:
        path = options.output.with_name(f"{options.output.stem}-mask.png")
        writing.write(path, api.planes(mask))
        print(f"wrote {path}: restore with --task inpaint:mask={path}")
    return OK


def _explain(options: argparse.Namespace) -> int:
    from priorlab import api
    from priorlab.explain import findings, fits
    from priorlab.pictures import writing

    writing.check_writable(options.output)
    writing.check_writable(findings.table_of(options.output), (".csv",))
    findings.check_own(findings.table_of(options.output))
    check_seed(options.seed)
    if options.output.resolve() == options.image.resolve():
        raise UsageError(f"{options.output} is the picture itself; name another file with -o")
    registry = _registry(options)
    prior = findings.generator(api.one_prior(options.name, registry), registry)
    if options.iterations:
        prior = dataclasses.replace(prior, iterations=options.iterations)
    picture, note = fits.prepare(api.load_picture(options.image))
    if note:
        print(note)

    def progress(target: str, step: int, steps: int) -> None:
        line = f"fitting {target}: step {step}/{steps}"
        if sys.stderr.isatty():
            print(f"\r{line:<50}", end="", file=sys.stderr, flush=True)
        elif step == steps:
            print(line, file=sys.stderr, flush=True)

    try:
        found = fits.run(
            prior, picture, seed=options.seed, device=options.device, progress=progress
        )
    finally:
        if sys.stderr.isatty():
            print(file=sys.stderr)
    table = findings.write(found, options.output)
    print("\n".join(findings.sentences(found)))
    print(f"wrote {options.output} and {table}")
    return OK


def _list(options: argparse.Namespace) -> int:
    registry = _registry(options)
    for kind in ("priors", "tasks", "datasets", "metrics", "trainers"):
        print(f"{kind}:")
        for name, item in sorted(getattr(registry, kind).items()):
            doc = item.summary() if hasattr(item, "summary") else item.doc
            named = kind == "priors" and not item.by_default
            print(f"  {name:<18} {doc}{' (only when named)' * named}")
    if registry.problems:
        names = ", ".join(plugin.name for plugin in registry.problems)
        print(f"with problems, see 'priorlab plugins': {names}")
    return OK


def _show(options: argparse.Namespace) -> int:
    from priorlab.describe import describe

    print(describe(options.name, _registry(options)))
    return OK


def _plugins(options: argparse.Namespace) -> int:
    registry = _registry(options)
    for plugin in registry.plugins:
        offers = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in plugin.provides.items())
        print(f"{plugin.name} ({plugin.source})\n  {offers or 'provides nothing'}")
        if plugin.problem:
            print(f"  PROBLEM: {plugin.problem}")
            for line in plugin.details.rstrip().splitlines():
                print(f"    {line}")
    return FAILED if registry.problems else OK


def _train(options: argparse.Namespace) -> int:
    check_seed(options.seed)
    trainer = _registry(options).find("trainers", options.name)

    def report(step: int, steps: int, loss: float) -> None:
        print(f"\rstep {step}/{steps}  loss {loss:.5f}", end="", file=sys.stderr, flush=True)

    provenance = trainer.train(
        options.dataset, options.output, options.channels, options.steps, options.seed, report
    )
    print(file=sys.stderr)
    for key, value in provenance.items():
        print(f"{key}: {value}")
    print(f"wrote {options.output}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
