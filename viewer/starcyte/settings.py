"""GROUPS and SETTINGS: one table of every option and limit, read from a file, the environment and the command line.

A later source wins: defaults, file (``--config``), environment (``STARCYTE_<NAME>``), command line (``--<name>``).
The help of the commands and the settings page of the documentation are generated from this table.
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


#: The settings under the headings of the help and of the documentation
GROUPS: dict[str, tuple[Setting, ...]] = {
    "Dataset and page": (
        Setting("title", str, "", "Name to show for the dataset; empty: the file's name.", ("-t",)),
        Setting("about", str, "", "URL of a page about the dataset, linked from the viewer; empty: none."),
        Setting(
            "var_names",
            str,
            "",
            "Column of var with the gene names to show; empty: found by its name and content.",
            ("-var",),
        ),
        Setting(
            "gene_synonyms",
            tuple,
            (),
            "Tables of previous and alias symbols of genes: HGNC's complete set, MGI's MRK_List2.rpt, or a symbol and"
            " its other names with a tab between; repeat the option, or separate by commas; empty: none.",
        ),
        Setting("max_synonyms", int, 2_000_000, "Names in the tables of gene synonyms, at most."),
        Setting("table", str, "", "Table of a SpatialData store to show; empty: its only one."),
        Setting("obs_names", str, "", "Column of obs with the cell names to show; empty: the index.", ("-obs",)),
        Setting(
            "embedding",
            tuple,
            (),
            "Embeddings to show, the first one initially; repeat the option, or separate by commas; empty: all.",
            ("-e",),
        ),
        Setting(
            "scale",
            tuple,
            (),
            "Scale of the values of all matrices, or of one as MATRIX=SCALE: log1p, linear, counts or signed; repeat"
            " the option, or separate by commas; empty: found from the values.",
        ),
        Setting("first_embedding", str, "", "Embedding shown initially, with all others available; empty: automatic."),
        Setting("color_by", str, "", "Column of obs or gene that colours the cells initially; empty: automatic."),
        Setting(
            "diffexp_lfc_cutoff",
            float,
            0.0,
            "Smallest absolute log2 fold change of the genes that a comparison lists.",
            ("-de",),
        ),
        Setting("disable_diffexp", bool, False, "Disable differential expression and markers."),
    ),
    "Server": (
        Setting("host", str, "127.0.0.1", "Address to listen on."),
        Setting(
            "allowed_hosts",
            str,
            "",
            "Names of this server in addresses, beside its own, such as cells.example.org or *.example.org; *: any;"
            " separate by commas.",
        ),
        Setting("port", int, -1, "Port to listen on; 0: any free one, -1: the first free one from 5005.", ("-p",)),
        Setting("open", bool, False, "Open the page in the browser of this machine.", ("-o",)),
        Setting("verbose", bool, False, "Log more to standard error.", ("-v",)),
        Setting("ready_file", str, "", "JSON file to write once the port is bound; empty: none."),
        Setting("trust_prefix", bool, False, "Trust X-Forwarded-Prefix of the proxy in front (one hop)."),
        Setting("base_path", str, "", "Path prefix that the proxy does not strip from requests; empty: none."),
        Setting("allow_framing", bool, False, "Allow pages of any origin to embed the viewer in a frame."),
        Setting("allow_finish", bool, False, "Allow the page to stop the server."),
        Setting(
            "idle_timeout", float, 0.0, "Seconds without a request from a page after which the server stops; 0: never."
        ),
        Setting("robots", bool, False, "Allow search engines to index the pages."),
        Setting("metrics", bool, False, "Serve `metrics` to all clients, not only to administrators."),
        Setting("access_log", str, "", "File for one line of JSON per request; -: standard output; empty: none."),
    ),
    "Access": (
        Setting(
            "access",
            str,
            "",
            "Authentication: none, token, password or proxy; empty: on this machine, token (launch) or none (serve).",
        ),
        Setting("public", bool, False, "With --access=none: listen beyond this machine without authentication."),
        Setting("role", str, "annotate", "Role of all users: read, annotate or admin; accounts have their own."),
        Setting("admins", str, "", "Names of users, as sent by the proxy, who are administrators; separate by commas."),
        Setting(
            "token",
            str,
            "",
            "Token of --access=token; empty: random. Others on this machine see options, but not STARCYTE_TOKEN.",
        ),
        Setting("accounts_file", str, "", "Database of accounts; empty: accounts.sqlite in the folder --data-dir."),
        Setting("login_seconds", float, 43200.0, "Seconds after which a user has to sign in again."),
        Setting("max_login_failures", int, 10, "Failed logins of a user or an address within five minutes, at most."),
        Setting(
            "user_header", str, "", "Header with the user's name, set by a trusted proxy; empty: all share one user."
        ),
        Setting("trusted_proxies", str, "127.0.0.1,::1", "Addresses or networks of the proxies that may set it."),
    ),
    "Remote datasets": (
        Setting("remote_schemes", str, "https,http,s3,gs,az", "Allowed URL schemes of datasets."),
        Setting("remote_hosts", str, "", "Allowed hosts of datasets, such as *.example.org; empty: every public one."),
        Setting("remote_private", bool, False, "Allow URLs of private, loopback and link-local addresses."),
        Setting("remote_bytes", int, 20 << 30, "Size of the largest dataset that is downloaded."),
        Setting("remote_timeout", float, 30.0, "Seconds without data after which a download is resumed."),
        Setting("remote_attempts", int, 5, "Attempts without data, in a row, after which a download fails."),
        Setting("remote_pause", float, 8.0, "Seconds between two attempts, at most."),
        Setting("remote_connections", int, 16, "Requests at once for the parts of one Zarr store."),
        Setting(
            "remote_chunk_bytes",
            int,
            1 << 30,
            "Bytes of one Zarr store that are kept in the cache folder.",
        ),
        Setting(
            "remote_partial_bytes", int, 32 << 20, "Size from which a dataset is shown before it is fully downloaded."
        ),
    ),
    "Computation and cache": (
        Setting("threads", int, 8, "Threads that answer requests."),
        Setting("workers", int, 0, "Cores to compute with; 0: all."),
        Setting("open_deadline", float, 120.0, "Seconds after which opening a file fails."),
        Setting("queue_length", int, 16, "Comparisons in the queue, at most; further ones are refused."),
        Setting("job_deadline", float, 600.0, "Seconds after which a comparison is cancelled."),
        Setting("job_patience", float, 30.0, "Seconds after which a comparison that no page polls is cancelled."),
        Setting("job_results", int, 32, "Finished comparisons kept for paging and download."),
        Setting("job_result_bytes", int, 128 << 20, "Bytes of the finished comparisons kept, beside the last."),
        Setting("answer_wait", float, 0.5, "Seconds to wait for a comparison before a job is answered instead."),
        Setting(
            "block_bytes", int, 20 << 20, "Bytes of a matrix read at once; memory stays within a few multiples of it."
        ),
        Setting(
            "max_array_bytes",
            int,
            512 << 20,
            "Bytes of a column, an embedding, an image or a chunk of a file, at most.",
        ),
        Setting("moments_categories", int, 200, "Categories of a column, at most, whose moments are in the index."),
        Setting("index_least", int, 500_000, "Fewest values of a matrix for which a column index is built."),
        Setting("index_file", str, "", "Archive of column indexes from `starcyte prepare --output`; empty: none."),
        Setting("cache_dir", str, "", "Folder of indexes and downloads; empty: starcyte in the user's cache folder."),
        Setting("sums_bytes", int, 2 << 30, "Bytes of sums by sample in the cache, and of one comparison, at most."),
        Setting(
            "cache_bytes", int, 50 << 30, "Bytes of indexes, and of downloads, kept; the least recently used go first."
        ),
    ),
    "Annotations, gene sets and saved items": (
        Setting(
            "data_dir",
            str,
            "",
            "Folder of annotations, gene sets and saved items; empty: starcyte in the user's data folder.",
            ("--user-generated-data-dir", "--annotations-dir"),
        ),
        Setting("outputs_dir", str, "", "Folder to export to after every change; empty: none."),
        Setting("session_file", str, "", "Session (JSON) to import at the start; empty: none."),
        Setting("terms_file", str, "", "Ontology terms to complete names with, as OBO or CSV; empty: none."),
        Setting("read_only", bool, False, "Refuse every change by users."),
        Setting("disable_annotations", bool, False, "Disable annotations, gene sets and saved items."),
        Setting("disable_gene_sets_save", bool, False, "Refuse changes of gene sets."),
        Setting(
            "gene_set_files",
            tuple,
            (),
            "Libraries of gene sets to test for enrichment: GMT files, or folders of them; repeat the option, or"
            " separate by commas; empty: none.",
        ),
        Setting("max_library_sets", int, 50_000, "Gene sets of one library, at most."),
        Setting("max_library_genes", int, 5_000_000, "Genes of all sets of one library together, at most."),
        Setting("max_annotations", int, 200, "Annotations of one user, at most."),
        Setting("max_annotation_labels", int, 1000, "Labels of one annotation, at most."),
        Setting("max_text", int, 1000, "Characters of a name or a note, at most."),
        Setting("max_gene_sets", int, 1000, "Gene sets of one user, at most."),
        Setting("max_gene_set_genes", int, 20_000, "Genes of one gene set, at most."),
        Setting("max_import_genes", int, 500_000, "Genes of all gene sets of an imported file together, at most."),
        Setting("max_saved_items", int, 500, "Saved views, results and figures of one user, at most, of each kind."),
        Setting("max_saved_item_bytes", int, 16 << 20, "Size of a saved view, result or figure, at most."),
        Setting("max_user_bytes", int, 1 << 30, "Bytes stored for one user; the oldest history is deleted first."),
        Setting("max_import_bytes", int, 128 << 20, "Size of an imported file of annotations, gene sets or a session."),
        Setting("max_import_lines", int, 10_000_000, "Lines of an imported table, at most."),
        Setting("download_seconds", float, 3600.0, "Seconds for which an exported h5ad can be downloaded."),
    ),
    "Catalog": (
        Setting("max_open", int, 24, "Open datasets, at most; the least recently used are closed first."),
        Setting("open_bytes", int, 384 << 20, "Bytes of memory above which datasets are closed."),
        Setting("open_files", int, 600, "Open files above which datasets are closed."),
        Setting("close_idle", float, 900.0, "Seconds without a request after which a dataset is closed."),
        Setting("rescan", float, 30.0, "Seconds between two scans for new, changed and removed files."),
        Setting("max_datasets", int, 10_000, "Datasets listed, at most."),
        Setting("max_description", int, 64 << 10, "Bytes of the description of a dataset, at most."),
    ),
    "Limits on requests": (
        Setting("max_body_bytes", int, 32 << 20, "Size of a request body with a selection of cells, at most."),
        Setting("max_small_body_bytes", int, 1 << 20, "Size of any other request body but imports, at most."),
        Setting("max_body_values", int, 50_000, "Values of JSON in a request body, beside lists of cells, at most."),
        Setting("max_clauses", int, 200, "Clauses of a selection of cells, at most."),
        Setting("max_header_bytes", int, 32 << 10, "Size of a request's headers, at most."),
        Setting("max_connections", int, 500, "Open connections, at most; those idle for longest are closed first."),
        Setting("connection_timeout", int, 120, "Seconds of silence after which a connection is closed."),
        Setting("request_timeout", int, 20, "Seconds for the head of a request; a body: a second more for each 8 KB."),
        Setting("stall_timeout", int, 30, "Seconds after which a client that does not read is disconnected."),
        Setting("max_requests", int, 0, "Requests to the interface per minute of a user or an address; 0: no limit."),
    ),
    "Limits on answers": (
        Setting(
            "max_categories",
            int,
            1000,
            "Categories of a column listed in the schema; a larger column is listed without them.",
            ("--max-category-items",),
        ),
        Setting("max_bins", int, 1000, "Bins of a histogram, at most."),
        Setting("max_split", int, 2000, "Distributions in one answer about a column that is split by a second one."),
        Setting("max_markers", int, 500, "Markers listed for each category, at most."),
        Setting(
            "max_group_bytes",
            int,
            512 << 20,
            "Bytes of memory for the moments of all genes in all groups of a column.",
        ),
        Setting("max_samples", int, 200, "Samples of a comparison over samples, those in both groups twice."),
        Setting("report_categories", int, 100, "Categories with plots in the report of `starcyte compare`, at most."),
        Setting("max_summary_genes", int, 200, "Genes in one summary, or in one answer of several genes."),
        Setting(
            "max_expression_bytes", int, 64 << 20, "Bytes of memory for one answer of several genes over all cells."
        ),
        Setting("max_sets_listed", int, 1000, "Gene sets in one answer of a test of enrichment."),
        Setting("max_cells_listed", int, 1000, "Cell names in one answer."),
        Setting("max_genes_listed", int, 1000, "Genes in one answer of the gene search."),
    ),
}
SETTINGS = tuple(setting for group in GROUPS.values() for setting in group)
_BY_NAME = {s.name: s for s in SETTINGS}
#: Settings that a catalog may change for a dataset or a folder
OF_A_DATASET = (
    *("about", "color_by", "diffexp_lfc_cutoff", "disable_annotations", "disable_diffexp", "disable_gene_sets_save"),
    *("embedding", "first_embedding", "max_categories", "obs_names", "read_only", "scale", "table", "title"),
    *("var_names",),
)


class Settings:
    """The settings in force, as attributes.

    Parameters
    ----------
    **values
        The values by name; the others have their defaults.

    Raises
    ------
    SettingInvalid
        If a name is unknown, or a value is not of the setting's type.
    """

    def __init__(self, **values: Any) -> None:
        given = {name: check(name, value) for name, value in values.items()}
        self.__dict__.update({s.name: s.default for s in SETTINGS} | given)

    @property
    def cores(self) -> int:
        """Cores to compute with."""
        return int(self.workers) or len(os.sched_getaffinity(0))

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """Return a copy with other values of some settings."""
        return Settings(**{**self.__dict__, **values})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"unknown setting {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("settings are read-only")

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def check(name: str, value: Any, source: str = "") -> Any:
    """Return a value, converted to the type of its setting.

    Parameters
    ----------
    name
        The setting's name.
    value
        A value of its type, or text from a file or the environment.
    source
        Where the value was found, for the message.

    Raises
    ------
    SettingInvalid
        If the setting is unknown, or the value is not of its type.
    """
    where = f" (from {source})" if source else ""
    setting = _BY_NAME.get(name)
    if setting is None:
        raise SettingInvalid(f"Unknown setting {name!r}{where}.", "`starcyte launch --help` lists the settings.")
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
        raise SettingInvalid(f"Setting 'about' is {value!r}{where}.", "Give a URL such as https://example.org/.")
    if name in _POSITIVE and checked < 1:
        raise SettingInvalid(f"Setting {name!r} is {value!r}{where}.", "Give at least 1.")
    if name == "port" and checked > 65535:
        raise SettingInvalid(f"Setting 'port' is {value!r}{where}.", "A port is at most 65535.")
    return checked


def load(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, config: str | Path | None = None
) -> Settings:
    """Return the settings from all sources.

    Parameters
    ----------
    flags
        Options of the command line; None: not given.
    environ
        The environment; the process's own by default. On hosts such as Heroku, ``PORT`` gives the port.
    config
        An INI file with one section ``[starcyte]``.

    Raises
    ------
    SettingInvalid
        If a name is unknown, a value is not of its type, or the file cannot be read.
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
