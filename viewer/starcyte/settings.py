"""SETTINGS: one table of every option and limit, read from a file, the environment and the command line.

A later source wins: defaults, file (``--config``), environment (``STARCYTE_<NAME>``), command line (``--<name>``).
README's table is generated from this one.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from starcyte.errors import SettingInvalid

PREFIX = "STARCYTE_"
_POSITIVE = {"threads", "block_bytes", "max_connections", "connection_timeout", "max_header_bytes"}


class Setting(NamedTuple):
    """One row of the table."""

    name: str
    type: type
    default: Any
    help: str
    #: Other names of the option on the command line; those of cellxgene, for users who know them
    aliases: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return "--" + self.name.replace("_", "-")


SETTINGS = (
    Setting("host", str, "127.0.0.1", "Address to listen on."),
    Setting("port", int, -1, "Port to listen on; 0 takes any free one, -1 the first free one from 5005.", ("-p",)),
    Setting("open", bool, False, "Open the page in the browser of this machine.", ("-o",)),
    Setting("verbose", bool, False, "Tell more on standard error.", ("-v",)),
    Setting("title", str, "", "Name to show for the dataset; empty: the file's name.", ("-t",)),
    Setting("about", str, "", "Address of a page about the dataset, which the viewer links to; empty: none."),
    Setting(
        "var_names",
        str,
        "",
        "Column of var that holds the gene names to show; empty: found by name and content.",
        ("-var",),
    ),
    Setting("obs_names", str, "", "Column of obs that holds the cell names to show; empty: the index.", ("-obs",)),
    Setting("cache_dir", str, "", "Folder for what can be made again; empty: starcyte in the user's cache folder."),
    Setting("index_file", str, "", "Archive of column indexes, as `starcyte prepare --output` writes it; empty: none."),
    Setting("ready_file", str, "", "File to write, as JSON, once the port listens; empty: none."),
    Setting("trust_prefix", bool, False, "Take X-Forwarded-Prefix from the proxy in front (one hop)."),
    Setting("base_path", str, "", "Path in front of ours that the proxy leaves in its requests; empty: none."),
    Setting("allow_framing", bool, False, "Allow pages of any origin to show the viewer in a frame."),
    Setting("access", str, "", "Who may come in: none (everybody), token, password or proxy; empty: as none."),
    Setting("public", bool, False, "With --access=none: listen beyond this machine without asking who comes."),
    Setting(
        "role", str, "annotate", "What those who come in may do: read, annotate or admin; accounts have their own."
    ),
    Setting("admins", str, "", "Users named by the proxy who administer the server."),
    Setting("token", str, "", "Token of --access=token; empty: another one at each start."),
    Setting("accounts_file", str, "", "Database of accounts; empty: accounts.sqlite in the folder --data-dir."),
    Setting("session_seconds", float, 43200.0, "Seconds after which one has to sign in again."),
    Setting(
        "max_login_failures", int, 10, "Failures to sign in within five minutes, at most, of a user or an address."
    ),
    Setting("remote_schemes", str, "https,http,s3,gs,az", "Schemes of URLs that datasets may come from."),
    Setting("remote_hosts", str, "", "Hosts that datasets may come from (*.example.org too); empty: every public one."),
    Setting("remote_private", bool, False, "Allow URLs of private, loopback and link-local addresses."),
    Setting("remote_bytes", int, 20 << 30, "Largest dataset that is downloaded."),
    Setting("remote_timeout", float, 30.0, "Seconds of silence after which a download is taken up anew."),
    Setting("remote_attempts", int, 5, "Attempts in a row without a byte after which a download is given up."),
    Setting("open_deadline", float, 120.0, "Seconds after which opening a file is given up."),
    Setting("threads", int, 8, "Threads that answer requests."),
    Setting("workers", int, 0, "Cores to compute with; 0: all."),
    Setting("queue_length", int, 16, "Comparisons that may wait; more are refused."),
    Setting("job_deadline", float, 600.0, "Seconds after which a comparison is given up."),
    Setting("job_patience", float, 30.0, "Seconds after which a comparison that no page asks for is given up."),
    Setting("job_results", int, 32, "Finished comparisons kept for paging and download."),
    Setting(
        "answer_wait", float, 0.5, "Seconds a comparison may take before it is answered as a job to ask again for."
    ),
    Setting(
        "block_bytes", int, 20 << 20, "Bytes of a matrix read at a time; memory stays within some multiples of it."
    ),
    Setting("moments_categories", int, 200, "Categories of a column, at most, whose means are kept with the index."),
    Setting("index_least", int, 500_000, "Values of a matrix from which on a column index is made."),
    Setting(
        "cache_bytes", int, 50 << 30, "Bytes of indexes kept, and of downloads; beyond, those not used for longest go."
    ),
    Setting("max_body_bytes", int, 32 << 20, "Largest request body."),
    Setting("max_header_bytes", int, 256 << 10, "Largest head of a request."),
    Setting("max_import_bytes", int, 128 << 20, "Largest file of labels, gene sets or a session that is read in."),
    Setting("download_seconds", float, 3600.0, "Seconds for which a new h5ad can be downloaded, where it is not kept."),
    Setting(
        "max_connections", int, 500, "Connections open at once; beyond, those silent for longest make room for others."
    ),
    Setting("connection_timeout", int, 120, "Seconds of silence after which a connection is closed."),
    Setting(
        "max_requests", int, 0, "Requests to the interface in a minute, at most, of a user or an address; 0: no limit."
    ),
    Setting(
        "max_categories",
        int,
        1000,
        "Categories of a column listed in the schema; a larger column is listed without.",
        ("--max-category-items",),
    ),
    Setting(
        "diffexp_lfc_cutoff",
        float,
        0.0,
        "Least change of a gene, as the logarithm to base 2, with which a comparison lists it.",
        ("-de",),
    ),
    Setting("disable_diffexp", bool, False, "Offer no comparisons of cells, and no markers."),
    Setting("max_bins", int, 1000, "Bins of a histogram, at most."),
    Setting(
        "max_split", int, 2000, "Distributions in one answer, where the categories of a column are split by another's."
    ),
    Setting("max_markers", int, 500, "Genes listed for each category, at most, when markers are asked for."),
    Setting("max_summary_genes", int, 200, "Genes in one summary, or in one answer of several genes."),
    Setting("max_expression_bytes", int, 64 << 20, "Bytes of memory for one answer of several genes over all cells."),
    Setting("max_cells_listed", int, 1000, "Cells in one answer of names."),
    Setting("max_genes_listed", int, 1000, "Genes in one answer of the gene search."),
    Setting(
        "color_by", str, "", "Column of obs or gene that the page is coloured by when it opens; empty: it chooses."
    ),
    Setting(
        "embedding",
        tuple,
        (),
        "Embeddings to show, the first at first; the option may be repeated, elsewhere commas part them; empty: all.",
        ("-e",),
    ),
    Setting(
        "first_embedding", str, "", "Embedding that the page opens with, all others being there; empty: it chooses."
    ),
    Setting(
        "data_dir",
        str,
        "",
        "Folder for what users make (labels, gene sets); empty: starcyte in the user's data folder.",
        ("--user-generated-data-dir", "--annotations-dir"),
    ),
    Setting("outputs_dir", str, "", "Folder whose files always hold what users have made; empty: none."),
    Setting("session_file", str, "", "Saved session to take in at the start, as JSON; empty: none."),
    Setting("terms_file", str, "", "Terms to complete names with, as OBO or CSV; empty: none."),
    Setting("read_only", bool, False, "Let nobody make anything."),
    Setting("disable_annotations", bool, False, "Keep nothing: no labels, gene sets or views, in page and interface."),
    Setting("disable_gene_sets_save", bool, False, "Let nobody make or change gene sets."),
    Setting("allow_finish", bool, False, "Allow the page to end the server."),
    Setting("idle_timeout", float, 0.0, "Seconds without a request from a page after which the server ends; 0: never."),
    Setting("max_open", int, 24, "Datasets of a catalogue open at once, at most; the least used are closed first."),
    Setting("open_bytes", int, 384 << 20, "Bytes of memory beyond which datasets of a catalogue are closed."),
    Setting("open_files", int, 600, "Files held open beyond which datasets of a catalogue are closed."),
    Setting("close_idle", float, 900.0, "Seconds without a request after which a dataset of a catalogue is closed."),
    Setting("rescan", float, 30.0, "Seconds between two looks for new, changed and removed files of a catalogue."),
    Setting("max_datasets", int, 10_000, "Datasets of a catalogue, at most; more are not listed."),
    Setting("max_description", int, 64 << 10, "Bytes of the description of a dataset, at most."),
    Setting("robots", bool, False, "Allow search engines to list the pages."),
    Setting("metrics", bool, False, "Answer `metrics` to everybody, and not to administrators alone."),
    Setting("access_log", str, "", "File for a line of JSON for each request; - is standard output; empty: none."),
    Setting("user_header", str, "", "Header by which a trusted proxy names the user; empty: all share what they make."),
    Setting("trusted_proxies", str, "127.0.0.1,::1", "Addresses or networks of the proxies that may name the user."),
    Setting("max_labels", int, 200, "Labels of one user, at most."),
    Setting("max_label_categories", int, 1000, "Categories of one label, at most."),
    Setting("max_text", int, 1000, "Characters of a name or a note, at most."),
    Setting("max_genesets", int, 1000, "Gene sets of one user, at most."),
    Setting("max_geneset_genes", int, 20_000, "Genes of one set, at most."),
    Setting("max_kept", int, 500, "Views, results and figures of one user, at most, of each."),
    Setting("max_kept_bytes", int, 16 << 20, "Bytes of one view, result or figure, at most."),
    Setting("max_user_bytes", int, 1 << 30, "Bytes kept for one user; the oldest history goes first to make room."),
)
_BY_NAME = {s.name: s for s in SETTINGS}
#: What a catalogue may set for one dataset or folder: how it is shown, and nothing that concerns the server
OF_A_DATASET = (
    *("about", "color_by", "diffexp_lfc_cutoff", "disable_annotations", "disable_diffexp", "disable_gene_sets_save"),
    *("embedding", "first_embedding", "max_categories", "obs_names", "read_only", "title", "var_names"),
)


class Settings:
    """The values in force, read as attributes.

    Parameters
    ----------
    **values
        Name to value, of the type the table gives; names left out have their default.

    Raises
    ------
    SettingInvalid
        If a name is not in the table or a value is not of its type.
    """

    def __init__(self, **values: Any) -> None:
        given = {name: check(name, value) for name, value in values.items()}
        self.__dict__.update({s.name: s.default for s in SETTINGS} | given)

    @property
    def cores(self) -> int:
        """Cores to compute with."""
        return int(self.workers) or len(os.sched_getaffinity(0))

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """Return settings that are others in some."""
        return Settings(**{**self.__dict__, **values})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no setting {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("settings do not change")

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def check(name: str, value: Any, source: str = "") -> Any:
    """Return the value in the setting's type.

    Parameters
    ----------
    name
        The setting's name.
    value
        A value of its type, or text as found in a file or the environment.
    source
        Where the value stands, for the message.

    Raises
    ------
    SettingInvalid
        If there is no such setting or the value is not of its type.
    """
    where = f" (from {source})" if source else ""
    setting = _BY_NAME.get(name)
    if setting is None:
        raise SettingInvalid(f"There is no setting {name!r}{where}.", "`starcyte launch --help` lists them.")
    if setting.type is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(part.strip() for part in parts if part.strip())
    if setting.type is bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower()
        if text in {"1", "true", "yes", "on"}:
            return True
        if text in {"0", "false", "no", "off", ""}:
            return False
        raise SettingInvalid(f"Setting {name!r} is {value!r}{where}.", "Give true or false.")
    try:
        checked = setting.type(value)
    except ValueError:
        kind = {int: "a whole number", float: "a number"}[setting.type]
        raise SettingInvalid(f"Setting {name!r} is {value!r}{where}.", f"Give {kind}.") from None
    if setting.type in (int, float) and not (-1 if name == "port" else 0) <= checked < float("inf"):
        raise SettingInvalid(f"Setting {name!r} is {value!r}{where}.", "Give a number that is not negative.")
    if name == "about" and checked and not re.fullmatch(r"https?://[^\s/]\S*", checked):
        raise SettingInvalid(f"Setting 'about' is {value!r}{where}.", "Give an address such as https://example.org/.")
    if name in _POSITIVE and checked < 1:
        raise SettingInvalid(f"Setting {name!r} is {value!r}{where}.", "Give at least 1.")
    if name == "port" and checked > 65535:
        raise SettingInvalid(f"Setting 'port' is {value!r}{where}.", "A port is at most 65535.")
    return checked


def load(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, config: str | Path | None = None
) -> Settings:
    """Read the settings from all their sources.

    Parameters
    ----------
    flags
        What the command line gave; names left out or None were not given.
    environ
        The environment; the process's own by default. On hosts such as Heroku, ``PORT`` gives the port.
    config
        An INI file with one section ``[starcyte]``.

    Raises
    ------
    SettingInvalid
        If a name is not in the table, a value is not of its type, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    if config is not None:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(Path(config).read_text())
            section = parser["starcyte"]
        except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
            raise SettingInvalid(
                f"The settings file {str(config)!r} cannot be read: {error}.",
                "It is an INI file with a [starcyte] section.",
            ) from None
        values |= {k: check(k, v, str(config)) for k, v in section.items()}
    if environ.get("PORT"):
        values["port"] = check("port", environ["PORT"], "PORT")
    for setting in SETTINGS:
        text = environ.get(PREFIX + setting.name.upper())
        if text is not None:
            values[setting.name] = check(setting.name, text, PREFIX + setting.name.upper())
    values |= {k: check(k, v, "the command line") for k, v in flags.items() if v is not None}
    return Settings(**values)


def markdown_table() -> str:
    """Return the table that README shows."""
    rows = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for s in SETTINGS:
        names = ", ".join(f"`{name}`" for name in (s.flag, *s.aliases))
        rows.append(f"| {names} | {f'`{s.default}`' if s.default not in ('', ()) else ''} | {s.help} |")
    return "\n".join(rows)
