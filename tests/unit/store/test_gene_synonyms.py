"""Tables of gene synonyms: HGNC's, MGI's, NCBI's and simple ones; ambiguous names; files that are no tables."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from starcyte.errors import LimitExceeded, SettingInvalid
from starcyte.store.anndata.genes import GeneNames
from starcyte.store.dataset import Column, ColumnInfo, Kind
from starcyte.store.gene_synonyms import open_synonyms

HGNC = (
    "hgnc_id\tsymbol\tname\tlocus_group\talias_symbol\talias_name\tprev_symbol\tensembl_gene_id\n"
    'HGNC:9666\tPTPRC\t"protein tyrosine phosphatase, receptor type C"\tprotein-coding gene\t'
    '"LCA|T200|GP180"\t"x|y"\tCD45\tENSG00000081237\n'
    "HGNC:4057\tFUT4\tx\ty\tELFT|FC3A\t\tCD15\tENSG00000196371\n"
    "HGNC:5970\tIL12B\tx\ty\tCLMF|p40\t\tNKSF2\tENSG00000113302\n"
    "HGNC:9559\tPSMD7\tx\ty\tp40|Mov34\t\t\tENSG00000103035\n"
    "HGNC:21591\tTAFA5\tx\ty\tQLLK5208\t\tFAM19A5\tENSG00000219438\n"
    "HGNC:1\tNONE\tx\ty\t\t\t\t\n"
)
MGI = (
    "MGI Accession ID\tChr\tcM Position\tMarker Symbol\tStatus\tMarker Name\tMarker Type\tFeature Type\t"
    "Marker Synonyms (pipe-separated)\n"
    "MGI:97810\t1\t60\tPtprc\tO\tprotein\tGene\tprotein coding gene\tB220|CD45|Ly-5\n"
)
NCBI = (
    "#tax_id\tGeneID\tSymbol\tLocusTag\tSynonyms\tdbXrefs\n9606\t3932\tLCK\t-\tLSK|p56lck\tMIM:1\n9606\t1\tX\t-\t-\t-\n"
)
SIMPLE = "# a comment\nMS4A1\tCD20, B1\nCD19\n\tnothing\n"


@pytest.fixture
def table(tmp_path):
    def write(text: str | bytes, name: str = "table.tsv", most: int = 1000):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return open_synonyms([str(path)], most)

    return write


def genes(names: list[str], synonyms, **columns: list[str]) -> GeneNames:
    infos = [ColumnInfo(name, Kind.STRING, "object") for name in columns]
    frame = SimpleNamespace(
        index=np.array(names, object),
        columns=infos,
        column=lambda name: Column(infos[list(columns).index(name)], np.array(columns[name], object)),
    )
    return GeneNames(frame, synonyms=lambda: synonyms)


def test_previous_and_alias_symbols_of_hgnc_find_genes(table):
    known = genes(["MS4A1", "PTPRC", "FAM19A5", "PSMD7"], table(HGNC))
    for text in ("CD45", "cd45", " lca ", "GP180", "ENSG00000081237", "ensg00000081237.20"):
        assert known.match(text) == 1, text
    # a dataset with a previous symbol is searched by the present one, and by another alias
    assert known.match("TAFA5") == known.match("QLLK5208") == 2
    # what has no gene in the dataset, and what is nobody's
    assert known.match("CD15") is known.match("CD4") is known.match("protein") is None
    # of two genes with an alias, the one that is there
    assert known.match("p40") == 3
    assert known.alias(1, "CD45") == "CD45"
    assert known.alias(1, "cd4") == "CD45"
    assert known.alias(1, "ptprc") is None


def test_an_alias_of_two_genes_is_none_of_them(table):
    known = genes(["IL12B", "PSMD7"], table(HGNC))
    assert known.match("P40") is None
    assert sorted(known.search("p40")) == [0, 1]
    assert known.match("NKSF2") == 0


def test_a_symbol_is_never_another_gene(table):
    """CD1 is a symbol, and an alias of another gene: without CD1 in the dataset it is not found."""
    synonyms = table("symbol\talias_symbol\tprev_symbol\nCD1\tOLD\t\nOTHER\tCD1\tPAST\n")
    assert genes(["OTHER"], synonyms).match("CD1") is None
    assert genes(["CD1", "X"], synonyms).match("OTHER") is None
    assert genes(["OTHER"], synonyms).match("past") == 0


def test_results_of_a_search_are_in_the_order_of_aliases(table):
    known = genes(["XCD45Y", "PTPRC", "CD45RA"], table(HGNC))
    assert known.search("cd45") == [1, 2, 0]
    assert known.search("CD4") == [2, 1, 0]
    assert known.search("GP18") == [1]
    assert known.search("") == [0, 1, 2]


def test_what_the_file_says_precedes_the_table(table):
    known = genes(["A", "PTPRC"], table(HGNC), aliases=["CD45", ""])
    assert known.match("CD45") == 0
    assert known.search("CD45") == [0, 1]


@pytest.mark.parametrize(
    ("text", "given", "found"),
    [(MGI, "cd45", "Ptprc"), (MGI, "Ly-5", "Ptprc"), (NCBI, "p56LCK", "LCK"), (SIMPLE, "b1", "MS4A1")],
)
def test_tables_of_other_origins(table, text, given, found):
    known = genes(["Z", found], table(text))
    assert known.match(given) == 1


def test_line_ends_and_a_byte_order_mark_are_no_part_of_names(table):
    synonyms = table(b"\xef\xbb\xbfsymbol\talias_symbol\r\nMS4A1\tCD20\r\n")
    assert genes(["MS4A1"], synonyms).match("CD20") == 0


def test_several_tables_are_one(tmp_path):
    (tmp_path / "human").write_text(HGNC)
    (tmp_path / "mouse").write_text(MGI)
    synonyms = open_synonyms([str(tmp_path / "human"), str(tmp_path / "mouse")], 1000)
    assert genes(["Ptprc"], synonyms).match("B220") == 0
    assert genes(["PTPRC"], synonyms).match("CD45") == 0
    assert open_synonyms([], 1000) is None


def test_ids_are_the_same_with_and_without_a_version():
    ids = ["ENSG00000081237.20", "ENSG00000156738"]
    known = GeneNames(
        SimpleNamespace(
            index=np.array(["PTPRC", "MS4A1"], object),
            columns=[ColumnInfo("gene_ids", Kind.STRING, "object")],
            column=lambda _: Column(ColumnInfo("gene_ids", Kind.STRING, "object"), np.array(ids, object)),
        )
    )
    assert known.match("ENSG00000081237") == known.match("ensg00000081237.20") == 0
    assert known.match("ENSG00000081237.3") == 0
    assert known.match("ENSG00000156738.18") == 1
    assert known.search("ENSG00000156738.18") == [1]
    assert known.match("ENSG0000015673") is None


@pytest.mark.parametrize("content", ["", "symbol\tname\nA\tb\n", "\n\n\n", "A\nB\n", b"\xff\xfe\x00"])
def test_what_is_no_table_of_synonyms_is_refused(table, content):
    with pytest.raises(SettingInvalid, match=r"table\.tsv"):
        table(content)


def test_limits(table, tmp_path):
    with pytest.raises(LimitExceeded, match="max_synonyms"):
        table(SIMPLE * 5, most=10)
    with pytest.raises(SettingInvalid, match="No such file"):
        open_synonyms([str(tmp_path / "absent")], 10)
    # a line without an end is read in pieces
    assert len(table("MS4A1\tCD20\n" + "x\t" * 3_000_000, most=10**7)) >= 1
