"""The command ``starcyte``."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from starcyte import __version__
from starcyte.errors import InputError, StarcyteError, one_line
from starcyte.options import Parser, common_options
from starcyte.report.command import add_options
from starcyte.settings import SETTINGS, Settings, load
from starcyte.store.cache import cache_folder
from starcyte.store.remote.file import RemoteFile
from starcyte.store.remote.source import is_url
from starcyte.store.write.output import refuse_dataset

if TYPE_CHECKING:
    from starcyte.curation.accounts import Accounts
    from starcyte.store.anndata.dataset import AnnDataDataset
    from starcyte.store.index.stored_dataset import StoredDataset
    from starcyte.store.loader import DatasetLoader
    from starcyte.web.monitoring.idle import IdleClock
    from starcyte.web.security.access import Access


_DATASET_HELP = (
    "Path or URL of an .h5ad file, or path of a .zarr folder or its .zip, of any name; default: the environment"
    " variable DATASET."
)
#: Categories of a column that `inspect` prints; a column may have thousands
_MAX_CATEGORIES = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    Parameters
    ----------
    argv
        The arguments; those of the process by default.

    Returns
    -------
    int
        0; 2 for an invalid input, reported in one line on standard error; 1 for a defect of starcyte.
    """
    logging.basicConfig(format="starcyte: %(levelname)s: %(message)s", level=logging.WARNING)
    # it warns each time that more requests are queued than there are threads
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        args = _parser().parse_args(argv)
        settings = load({s.name: getattr(args, s.name) for s in SETTINGS}, config=args.config)
        if settings.verbose:
            logging.getLogger().setLevel(logging.INFO)
        return int(args.run(args, settings))
    except StarcyteError as error:
        _print_error(error)
        return error.exit_status
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has exited; Python would print an error at exit
        return 0
    except KeyboardInterrupt:
        return 130


def launch(args: argparse.Namespace, settings: Settings) -> NoReturn:
    """Serve one dataset until stopped."""
    from starcyte.server import bind, serve, url_of
    from starcyte.store.open import detect_format
    from starcyte.store.probe import Probe

    path, remote = _dataset(args, settings)
    probe = None
    if path is not None:
        detect_format(path)
        probe = Probe(path, settings)
    listener = bind(settings)
    if not settings.access and not settings.user_header:
        # other users of this machine can reach the port as well
        settings = settings.with_values({"access": "token"})
    # clients wait from now on and are not refused, so that the slow imports follow here
    from starcyte.demo.file import demo_file
    from starcyte.store.index.malloc import keep_freed_memory
    from starcyte.store.loader import DatasetLoader
    from starcyte.web.app import create_app
    from starcyte.web.security.access import Access

    keep_freed_memory()
    loader = DatasetLoader(
        path, settings, on_error=_print_error, indexing=True, probe=probe, remote=remote, make=demo_file
    )
    access = Access(settings, _accounts(settings) if settings.access == "password" else None)
    app = create_app(settings, loader, access)
    link = f"{url_of(listener)}{_way_in(access)}"
    print(f"starcyte: {one_line(loader.title)} at {link}", flush=True)
    page = _open_browser(link, settings) if settings.open else None
    loader.start()
    context = app.extensions["starcyte"]
    context.on_end = _end
    if settings.idle_timeout:
        context.idle = _idle_clock(settings.idle_timeout, lambda: loader.state == "loading")
    context.begin()
    serve(app.wsgi_app, listener, settings, on_stop=context.stop)
    context.close()
    loader.close()
    _delete(page)
    _leave(loader.error.exit_status if loader.error else 0)


def _end(reason: str) -> None:
    """Stop the server, and print the reason for the process that started it."""
    print(f"starcyte: {reason}", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _idle_clock(seconds: float, is_opening: Callable[[], bool]) -> IdleClock:
    from starcyte.web.monitoring.idle import IdleClock

    length = f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
    return IdleClock(seconds, lambda: _end(f"stopped after {length} without requests"), is_opening)


def serve(args: argparse.Namespace, settings: Settings) -> NoReturn:
    """Serve a catalog of datasets until stopped."""
    from starcyte.catalog.catalog import Catalog
    from starcyte.server import bind, url_of
    from starcyte.server import serve as serve_app

    given = args.catalog or os.environ.get("DATASET")
    if not given:
        raise InputError("A folder, a prefix or a catalog.yml is required.", "`starcyte serve FOLDER` shows a folder.")
    catalog = Catalog(given, settings)
    listener = bind(settings)
    from starcyte.store.index.malloc import keep_freed_memory
    from starcyte.web.app import create_catalog_app
    from starcyte.web.security.access import Access

    keep_freed_memory()
    access = Access(settings, _accounts(settings) if settings.access == "password" else None)
    app = create_catalog_app(settings, catalog, access)
    service, contexts = app.extensions["starcyte_catalog"], app.extensions["starcyte_contexts"]
    contexts.on_end = _end
    if settings.idle_timeout:
        contexts.idle = _idle_clock(settings.idle_timeout, service.is_opening)
    link = f"{url_of(listener)}{_way_in(access)}"
    print(f"starcyte: {one_line(service.title)} at {link}", flush=True)
    page = _open_browser(link, settings) if settings.open else None
    service.start()
    serve_app(app.wsgi_app, listener, settings, on_stop=service.stop)
    service.close()
    _delete(page)
    _leave(0)


def _leave(status: int) -> NoReturn:
    """Exit at once: Python would wait for the threads of cancelled computations."""
    for process in multiprocessing.active_children():
        process.kill()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _open_browser(link: str, settings: Settings) -> Path | None:
    """Open the browser, and return the file that leads it to a link with a token."""
    import threading
    import webbrowser

    page = None
    if "?token=" in link:
        # all users of the machine can read the arguments of the browser
        page = cache_folder(settings) / f"open-{os.getpid()}.html"
        page.unlink(missing_ok=True)
        os.close(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={link}"><a href="{link}">Open</a>')
    # in a thread: a browser in a terminal blocks until it is quit
    threading.Thread(target=webbrowser.open, args=(page.as_uri() if page else link,), daemon=True).start()
    return page


def _delete(page: Path | None) -> None:
    if page is not None:
        page.unlink(missing_ok=True)


def _way_in(access: Access) -> str:
    """Return the query of the printed link, with the token."""
    return f"?token={access.token}" if access.mode == "token" else ""


def _accounts(settings: Settings) -> Accounts:
    from starcyte.curation.accounts import Accounts
    from starcyte.curation.database.store import data_folder

    return Accounts(Path(settings.accounts_file or data_folder(settings) / "accounts.sqlite"))


def user(args: argparse.Namespace, settings: Settings) -> int:
    """Add, list, change and remove the accounts of --access=password."""
    if args.action != "list" and not args.name:
        raise InputError(
            f"`starcyte user {args.action}` requires a name.", f"Usage: `starcyte user {args.action} NAME`."
        )
    accounts = _accounts(settings)
    if args.action == "list":
        for account in accounts.all():
            print(f"{account.name}\t{account.role}")
    elif args.action == "add":
        accounts.add(args.name, _password(), args.user_role or "annotate")
    elif args.action == "password":
        accounts.set_password(args.name, _password())
    elif args.action == "role":
        accounts.set_role(args.name, args.user_role or "")
    else:
        accounts.remove(args.name)
    accounts.close()
    return 0


def _password() -> str:
    """Read a password: twice from a terminal, without echo, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Repeat password: ") != first:
        raise InputError("The passwords differ.", "Try again.")
    return first


def prepare(args: argparse.Namespace, settings: Settings) -> int:
    """Write a prepared store, which needs no preparation when it is opened; or build the column index of a dataset."""
    from starcyte.demo.file import demo_file
    from starcyte.store.index.background import index_matrix
    from starcyte.store.open import open_dataset

    found = _fetch(args, settings) or demo_file(settings)
    dataset = open_dataset(found, settings) if isinstance(found, Path) else found
    if args.output:
        refuse_dataset(args.output, dataset.path)
    if args.output and {".zarr", ".zip"} & {args.output.suffix}:
        return _prepare_store(args, settings, dataset)
    if args.output:
        from starcyte.store.index.archive import check_archive

        check_archive(args.output)
    names = args.matrix or ([dataset.default_matrix] if dataset.default_matrix else [])
    for name in names:
        dataset.matrix(name)
    made = []
    for name in names:
        made.append(index_matrix(dataset, settings, name, _progress(f"Indexing {name}")))
        print(f"starcyte: {name} is indexed in {str(made[-1].folder)!r}")
    if args.output:
        from starcyte.store.index.archive import write_archive

        write_archive(args.output, made)
        print(f"starcyte: {', '.join(names) or 'no matrix'} in {str(args.output)!r}")
    return 0


def _prepare_store(args: argparse.Namespace, settings: Settings, dataset: StoredDataset) -> int:
    from starcyte.store.write.prepared.prepare import matrices_to_prepare, prepare_store

    names = matrices_to_prepare(dataset, args.matrix or ())
    for warning in prepare_store(dataset, args.output, names, settings, _progress):
        print(f"starcyte: {one_line(warning)}", file=sys.stderr)
    print(f"starcyte: {', '.join(names) or 'no matrix'} in {str(args.output)!r}")
    return 0


def inspect(args: argparse.Namespace, settings: Settings) -> int:
    """Describe the contents of a file, and list its problems."""
    dataset = _open(args, settings).dataset()
    if args.output:
        refuse_dataset(args.output, dataset.path)
    found = dataset.check(_progress("Checking"))
    description = dataset.describe()
    description["warnings"] += [w for w in found if w not in description["warnings"]]
    if args.output:
        try:
            args.output.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            problem = f"{str(args.output)!r} cannot be written: {error.strerror}."
            raise InputError(problem, "Choose another file.") from None
    if args.json:
        print(json.dumps(description, indent=2))
    else:
        print("\n".join(_summary(description)))
    return 0


def compare(args: argparse.Namespace, settings: Settings) -> int:
    """Compare two conditions over samples, and write the genes as a table and as a report with plots."""
    from starcyte.report.command import compare_file

    said = compare_file(_open(args, settings).dataset(), settings, args, _progress("Comparing"))
    print(f"starcyte: {one_line(said)}")
    return 0


def export(args: argparse.Namespace, settings: Settings) -> int:
    """Export annotations, gene sets or a session, or write a new h5ad with the annotations."""
    from starcyte.curation.files.export_file import export_file

    dataset = _open(args, settings).dataset()
    annotations = None if args.annotations is None else Path(args.annotations)
    for note in export_file(dataset, settings, Path(args.output), args.user, annotations, _progress("Exporting")):
        print(f"starcyte: {one_line(note)}", file=sys.stderr)
    return 0


def get(args: argparse.Namespace, settings: Settings) -> int:
    """Answer one request to the HTTP interface, without a server."""
    from starcyte.web.app import create_app
    from starcyte.web.security.access import Access

    # without authentication: the user of the command can read the file anyway
    app = create_app(settings, _open(args, settings), Access(Settings()))
    response = app.test_client().get("/" + args.path.lstrip("/"))
    if response.status_code >= 400:
        error = (response.json or {})["error"]
        print(f"starcyte: {error['message']} {error['hint']}".rstrip(), file=sys.stderr)
        return 1 if response.status_code == 500 else 2
    sys.stdout.buffer.write(response.data)
    sys.stdout.buffer.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    common = common_options()
    parser = Parser(
        prog="starcyte",
        description="Open single-cell datasets (AnnData, h5ad or Zarr) in the browser without loading them.",
    )
    parser.add_argument("--version", action="version", version=f"starcyte {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run in (launch, prepare, inspect):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__, parents=[common])
        command.add_argument("dataset", nargs="?", metavar="DATASET", help=_DATASET_HELP)
        command.set_defaults(run=run)
        if run is prepare:
            command.add_argument(
                "--matrix",
                action="append",
                help="Matrix to prepare; repeat the option for several; default: the one shown initially; of a"
                " store also X and one of counts.",
            )
            command.add_argument(
                "--output",
                type=Path,
                metavar="FILE",
                help="Write a prepared store (NAME.zarr, NAME.zarr.zip), or the indexes to an archive for --index-file"
                " (NAME.tar).",
            )
        if run is inspect:
            command.add_argument("--json", action="store_true", help="Print JSON.")
            command.add_argument("--output", type=Path, metavar="FILE", help="Write JSON to a file as well.")
    command = commands.add_parser("serve", help=serve.__doc__, description=serve.__doc__, parents=[common])
    command.add_argument("catalog", nargs="?", metavar="FOLDER", help="A folder, an s3:// prefix or a catalog.yml.")
    command.set_defaults(run=serve)
    command = commands.add_parser("compare", help=compare.__doc__, description=compare.__doc__, parents=[common])
    command.add_argument("dataset", nargs="?", metavar="DATASET", help=_DATASET_HELP)
    add_options(command)
    command.set_defaults(run=compare)
    command = commands.add_parser("export", help=export.__doc__, description=export.__doc__, parents=[common])
    command.add_argument("dataset", nargs="?", metavar="DATASET", help="Path of an .h5ad file or of Zarr.")
    command.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="File to write, by its extension: annotations (.csv, .tsv, .tabular), gene sets (.gmt), a session (.json),"
        " or the dataset with the annotations as columns of obs (.h5ad).",
    )
    command.add_argument(
        "--annotations",
        metavar="FILE",
        help="Read the annotations from a table or a session; default: from the data folder.",
    )
    command.add_argument(
        "--user", default="", metavar="NAME", help="User whose annotations are exported; default: the shared ones."
    )
    command.set_defaults(run=export)
    command = commands.add_parser("get", help=get.__doc__, description=get.__doc__, parents=[common])
    command.add_argument("dataset", nargs="?", metavar="DATASET", help=_DATASET_HELP)
    command.add_argument("path", metavar="PATH", help="Path and query, such as 'api/v1/expression?gene=CD3D'.")
    command.set_defaults(run=get)
    command = commands.add_parser("user", help=user.__doc__, description=user.__doc__, parents=[common])
    command.add_argument("action", choices=("add", "list", "password", "remove", "role"), help="Action.")
    command.add_argument("name", nargs="?", metavar="NAME", help="The user.")
    command.add_argument("user_role", nargs="?", metavar="ROLE", help="read, annotate or admin; default: annotate.")
    command.set_defaults(run=user)
    return parser


def _dataset(args: argparse.Namespace, settings: Settings) -> tuple[Path | None, RemoteFile | None]:
    """Return the path or the remote file of the dataset; neither for the demo."""
    given = cast("str | None", args.dataset) or (None if args.demo else os.environ.get("DATASET"))
    if args.demo and given is None:
        return None, None
    if args.demo or given is None:
        raise InputError("Give either a dataset or --demo.", "`starcyte launch FILE` shows a file.")
    if is_url(given):
        return None, RemoteFile(given, settings)
    return Path(given), None


def _fetch(args: argparse.Namespace, settings: Settings) -> Path | AnnDataDataset | None:
    """Return the path of the dataset, downloading it first if it is remote, or a remote Zarr; None for the demo."""
    path, remote = _dataset(args, settings)
    if remote is None:
        return path
    from starcyte.store.in_place.open import fetch_or_open

    show = _progress("Downloading")
    return fetch_or_open(remote, settings, lambda fraction, _: None if fraction is None else show(fraction))


def _open(args: argparse.Namespace, settings: Settings) -> DatasetLoader:
    from starcyte.demo.file import demo_file
    from starcyte.store.loader import DatasetLoader
    from starcyte.store.open import detect_format
    from starcyte.store.probe import Probe

    found = _fetch(args, settings)
    if found is not None and not isinstance(found, Path):
        loader = DatasetLoader(found.path, settings)
        loader.adopt(found)
        return loader
    probe = None
    if found is not None:
        detect_format(found)
        probe = Probe(found, settings)
    loader = DatasetLoader(found, settings, probe=probe, make=demo_file)
    loader.run()
    return loader


def _print_error(error: StarcyteError) -> None:
    print(f"starcyte: {error}", file=sys.stderr, flush=True)


def _progress(title: str) -> Callable[[float], None]:
    """Return a function that draws a progress bar on a terminal, and does nothing elsewhere."""

    def show(done: float) -> None:
        bar = "█" * int(done * 40)
        print(f"\r{title} {bar:·<40} {done:4.0%}", end="" if done < 1 else "\n", file=sys.stderr, flush=True)

    return show if sys.stderr.isatty() else lambda done: None


def _matrix_in_short(matrix: dict[str, Any], is_prepared: bool) -> str:
    noun = "genes" if matrix["modality"] is None else "features"
    parts = [matrix["layout"], matrix["dtype"], f"{matrix['n_vars']:,} {noun}"]
    parts += [matrix["scale"]] * bool(matrix["scale"])
    return f"{matrix['name']} ({', '.join(parts + ['prepared'] * is_prepared)})"


def _modality_in_short(modality: dict[str, Any], n_obs: int) -> str:
    of = f" of {n_obs:,}" if modality["n_missing"] else ""
    return f"{modality['name']} ({modality['n_obs']:,}{of} cells, {modality['n_vars']:,} features)"


def _summary(description: dict[str, Any]) -> list[str]:
    def listed(heading: str, items: Sequence[str]) -> list[str]:
        return [f"{heading}:", *(f"  {item}" for item in items)] if items else [f"{heading}: none"]

    noun = "features" if description["modalities"] else "genes"
    lines = [f"{description['title']}: {description['n_obs']:,} cells x {description['n_vars']:,} {noun}"]
    lines += [f"{description['content']} in {description['container']}"]
    lines += listed("obs", [f"{c['name']} ({c['kind']}){_categories(c)}" for c in description["obs"]])
    lines += listed("embeddings", [f"{e['name']} ({e['dims']})" for e in description["embeddings"]])
    modalities = [_modality_in_short(m, description["n_obs"]) for m in description["modalities"]]
    lines += listed("modalities", modalities) if modalities else []
    lines += listed(
        "matrices", [_matrix_in_short(m, m["name"] in description["prepared"]) for m in description["matrices"]]
    )
    lines += [description["default_matrix_reason"]] if description["default_matrix_reason"] else []
    lines += [f"gene names from: {description['genes']['names_from']}"]
    lines += [f"warning: {w}" for w in description["warnings"]]
    # a name of the file must not end a line, nor reach the terminal as a control sequence
    return ["".join(c if c.isprintable() else " " for c in line) for line in lines]


def _categories(column: dict[str, Any]) -> str:
    names = [str(name) for name in column.get("categories") or ()]
    more = column.get("n_categories", 0) - len(names[:_MAX_CATEGORIES])
    listed = ", ".join(names[:_MAX_CATEGORIES]) + (f" and {more:,} more" if more > 0 else "")
    return f": {listed}" if names else ""
