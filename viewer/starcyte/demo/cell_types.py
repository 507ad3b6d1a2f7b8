"""The model of blood formation behind the demo dataset: expression programs, cell types and differentiation paths.

A *program* is a set of genes with the level each reaches, in counts per ten thousand, where the program is fully on.
An *anchor* is a place in expression space, described by how far each program is on; cells lie on the *paths* between
anchors, and a path has the cell types along it.
"""

from __future__ import annotations

from dataclasses import dataclass

PROGRAMS: dict[str, str] = {
    "stem": "12: AVP CRHBP; 8: CD34 SPINK2 HOPX MLLT3; 4: HLF MEIS1 NPR3 MECOM PROM1 KIT TCF15",
    "progenitor": (
        "40: SOX4 STMN1; 14: PRSS57 CDK6 SMIM24 CD34; 8: EGFL7 CYTL1 IMPDH2 MYB; 5: FLT3 BAALC ERG SPINK2 NREP"
    ),
    "megaerythroid": "9: GATA2 SLC40A1 CNRIP1; 5: FCER1A TESPA1 CPA3 ITGA2B TAL1 HPGDS; 3: KLF1 GATA1 MINPP1 ZFPM1",
    "erythroid_early": (
        "30: HBD APOC1 BLVRB; 16: REXO2 TFRC KLF1 GATA1; 8: TFR2 EPOR ANK1 AHSP CA1 FAM178B UROD HMGA1; 4:"
        " KCNH2 CSF2RB SLC39A8 TAL1 MYC"
    ),
    "erythroid_late": (
        "620: HBB; 440: HBA2; 330: HBA1; 75: AHSP; 50: HBD CA1 ALAS2; 28: SLC25A37 HBM PRDX2 UBB GLRX5; 14:"
        " GYPA GYPB SLC4A1 HEMGN BNIP3L CA2; 8: SNCA SELENBP1 BPGM FECH FAM210B MKRN1 DMTN; 4: KEL RHAG EPB42"
        " TRIM58 TMCC2 TSPO2 SPTA1 XPO7 HMBS"
    ),
    "megakaryocyte": (
        "85: PPBP; 75: PF4; 24: NRGN GNG11 TUBB1; 15: GP9 GP1BB ITGA2B CAVIN2 CD9 H2AC6; 9: PLEK CLU RGS18"
        " MYL9 SPARC; 5: TREML1 ACRBP THBS1 F13A1 VWF ITGB3 LTBP1 CMTM5 SELP MPL TPM1"
    ),
    "granulomonocytic": (
        "55: MPO; 26: AZU1 PRTN3 SRGN LYZ; 18: ELANE CFD IGLL1; 12: CTSG PRSS57 SERPINB1; 7: MS4A3 RNASE2"
        " CEBPA CEBPE NUCB2 CSF3R CALR"
    ),
    "myeloid": (
        "45: CST3 FTL; 30: LYZ TYROBP; 18: FCER1G AIF1 CTSS LST1; 9: SPI1 CYBB NPC2 GRN PSAP CSTA; 5: CD68 CEBPD IFI30"
    ),
    "monocyte_classical": (
        "130: S100A9; 110: S100A8; 95: LYZ; 30: S100A12 FCN1; 18: VCAN CD14 S100A6 MNDA; 8: CSF3R MS4A6A"
        " SERPINA1 CLEC7A CD36 TYMP QPCT; 4: CYP1B1 CLEC12A THBD RBP7 CCR2 CD163 RNASE6"
    ),
    "monocyte_patrolling": (
        "45: LST1 COTL1 AIF1; 24: FCGR3A IFITM3; 15: MS4A7 SERPINA1 RHOC; 9: CDKN1C LILRB2 CSF1R HMOX1; 5:"
        " TCF7L2 SIGLEC10 CX3CR1 HES4 LILRA5 C1QA VMO1 BATF3 CTSL"
    ),
    "dendritic": "20: FCER1A CPVL; 13: CD1C CLEC10A; 7: PLD4 IRF8 GSN; 4: FLT3 ENHO NDRG2 CLEC9A CD1E ITGAX AXL IDO1",
    "plasmacytoid": (
        "32: IRF7 ITM2C PLAC8; 25: IRF8 JCHAIN TCF4 GZMB; 16: LILRA4 PLD4 PTGDS CCDC50 MZB1 SERPINF1; 10:"
        " IL3RA CLEC4C TCL1A UGCG APP BCL11A; 5: SPIB IRF4 SCT SMPD3 PTCRA LAMP5 NRP1 DNASE1L3"
    ),
    "antigen_presenting": (
        "130: CD74; 95: HLA-DRA; 65: HLA-DRB1; 55: HLA-DPB1 HLA-DPA1; 26: HLA-DQA1 HLA-DQB1; 10: HLA-DMA CIITA HLA-DMB"
    ),
    "b_precursor_early": (
        "65: IGLL1; 32: DNTT VPREB1; 22: SOX4 CD79B; 12: CD79A CD24; 7: RAG1 AKAP12 MME EBF1 LEF1; 4: PAX5"
        " RAG2 ARPP21 ERG NEIL1 BLNK UHRF1 SOCS2"
    ),
    "b_precursor_late": (
        "34: VPREB3 TCL1A; 25: VPREB1 IGHM CD79B; 18: CD24 CD79A; 10: CD9 IGLL5 SOX4; 5: MME PCDH9 PAX5 BLK"
        " ACSM3 CD38 RAG1"
    ),
    "b_cell": (
        "42: CD79A; 28: MS4A1 CD79B CD37; 9: BANK1 RALGPS2 LINC00926 VPREB3 HVCN1; 5: CD19 CD22 PAX5 SPIB BLK"
        " CXCR5 FCRLA FCRL1 P2RX5"
    ),
    "b_naive": "46: IGHM; 26: TCL1A; 14: IGHD; 6: FCER2 IL4R FCMR BACH2 CD200 PLPP5",
    "b_memory": "28: IGHA1 CRIP1; 16: IGHG1 S100A10; 9: CD27 GPR183; 5: TNFRSF13B AIM2 COCH ITGB1 SSPN SCIMP",
    "plasma": (
        "330: IGKC; 170: IGHA1; 140: IGHG1 JCHAIN; 85: IGLC2; 55: SSR4 MZB1; 35: XBP1 FKBP11 HSP90B1; 20:"
        " DERL3 SEC11C PRDX4 TXNDC5 ITM2C HERPUD1; 9: TNFRSF17 POU2AF1 SDC1 TENT5C; 5: PRDM1 IRF4 CD38 SLAMF7"
        " CD27"
    ),
    "t_cell": (
        "34: TRAC IL32; 24: CD3D CD3E TRBC2; 13: CD3G TRBC1 CD2 CD7; 7: LCK CD27 LAT ETS1 CD247; 4: CD5 CD6"
        " ITK TRAT1 BCL11B SKAP1 SIT1 THEMIS"
    ),
    "t_helper": "16: IL7R LDHB; 8: MAL; 4: CD4 CD40LG TSHZ2 FHIT",
    "t_naive": "26: LTB; 12: SELL TCF7 CCR7; 8: LEF1 NOSIP PIK3IP1; 4: NELL2 ACTN1 SATB1 BACH2 TRABD2A",
    "t_helper_memory": "34: S100A4; 16: ANXA1 LGALS1; 8: KLRB1 GPR183 AQP3 ITGB1 TIMP1; 4: TNFRSF4 CCR6 CXCR3 GATA3",
    "t_regulatory": "9: FOXP3 IL2RA TIGIT; 6: CTLA4 RTKN2 IKZF2; 3: CCR4 FCRL3 TNFRSF9",
    "t_killer": "13: CD8A CD8B; 7: LINC02446 CRTAM; 3: CD8B2",
    "t_killer_memory": "52: CCL5; 20: GZMK DUSP2; 8: CMC1 LYAR KLRG1; 4: CXCR3 EOMES SH2D1A",
    "cytotoxic": (
        "65: NKG7 CCL5; 24: CST7 GZMA GNLY; 15: GZMB GZMH FGFBP2 CTSW PRF1; 8: KLRD1 GZMM HOPX EFHD2; 4:"
        " ADGRG1 ZEB2 TBX21 S1PR5"
    ),
    "natural_killer": (
        "85: GNLY; 45: NKG7; 22: TYROBP FCER1G GZMB PRF1; 13: KLRD1 SPON2 CLIC3 FCGR3A; 8: KLRF1 IL2RB XCL2"
        " TRDC; 4: NCAM1 MYOM2 SH2D1B AKR1C3 NCR1 KIR2DL3 KIR2DL1 CD160"
    ),
    "natural_killer_bright": "22: XCL2 GZMK; 15: XCL1 SELL CD44; 9: KLRC1 NCAM1 IL7R; 5: GPR183 TCF7 LTB",
    "endothelial": (
        "30: IGFBP7 IFI27; 20: VWF CLDN5 PECAM1 SPARCL1; 14: EGFL7 RAMP2 CAV1 TM4SF1 AQP1 GNG11; 8: CDH5 EMCN"
        " KDR FLT1 ENG PLVAP ESAM; 5: STAB1 STAB2 TEK TIE1 LYVE1 CD34 SOX18"
    ),
    "reticular": (
        "160: CXCL12; 60: APOE; 36: DCN IGFBP5 COL1A1 COL1A2 SPARC; 22: LUM COL3A1 LPL VCAM1 ADIPOQ IGFBP4;"
        " 10: LEPR KITLG TF PDGFRB C1S COL6A2; 5: PDGFRA FOXC1 EBF3 GAS6 CFH NGFR"
    ),
    "s_phase": (
        "16: TYMS PCNA TUBA1B; 9: MCM5 MCM7 MCM3 CLSPN GINS2 RRM2 DUT; 5: MCM2 MCM4 MCM6 UHRF1 CDC6 CDC45"
        " FEN1 TK1 RRM1 SLBP"
    ),
    "g2m_phase": (
        "30: HMGB2 TUBA1B; 18: TUBB4B CKS2 UBE2C TOP2A; 11: MKI67 CCNB2 CDC20 CENPF BIRC5 CKS1B; 6: CDK1"
        " AURKB AURKA NUSAP1 TPX2 CENPE BUB1 CCNB1 PLK1 KIF20B KIF23 ANLN TTK"
    ),
    "interferon": (
        "32: ISG15; 18: IFI6 IFITM1 LY6E; 10: IFI44L MX1 XAF1 IFIT3; 6: IFIT1 IFIT2 OAS1 STAT1 RSAD2 OASL EPSTI1"
    ),
    "stress": (
        "42: FOS JUN; 26: DUSP1 JUNB IER2 HSPA1A; 15: HSPA1B ZFP36 NFKBIA CD69; 7: EGR1 FOSB ATF3 KLF6 DNAJB1 TNFAIP3"
    ),
    "female": "7: XIST",
    "male": "14: RPS4Y1; 3: DDX3Y EIF1AY KDM5D UTY",
}

CELL_TYPES: dict[str, tuple[str, str]] = {
    # name: (lineage, colour), one hue for a lineage
    "HSC/MPP": ("Progenitor", "#6f6a9e"),
    "MEP": ("Progenitor", "#a897c7"),
    "GMP": ("Progenitor", "#c99bb8"),
    "Early erythroblast": ("Erythroid", "#e58a7b"),
    "Late erythroblast": ("Erythroid", "#b8393d"),
    "Megakaryocyte": ("Megakaryocytic", "#8a4a72"),
    "CD14+ monocyte": ("Myeloid", "#e79a3c"),
    "CD16+ monocyte": ("Myeloid", "#b86f1f"),
    "cDC": ("Myeloid", "#e8c75a"),
    "pDC": ("Myeloid", "#a39a3a"),
    "Pro-B cell": ("B lymphoid", "#9fc8e8"),
    "B cell": ("B lymphoid", "#3f7fbf"),
    "Plasma cell": ("B lymphoid", "#1f3f7a"),
    "CD4+ T cell": ("T/NK", "#7cc0a0"),
    "CD8+ T cell": ("T/NK", "#2f9382"),
    "NK cell": ("T/NK", "#145a52"),
    "Endothelial": ("Stroma", "#7a7f87"),
    "Reticular stroma": ("Stroma", "#b9a58c"),
}

#: What lupus changes, and nothing else: how far each cell type responds to interferon, by the genes of that program
INTERFERON_RESPONSE: dict[str, float] = {
    "CD14+ monocyte": 1.0,
    "CD16+ monocyte": 1.0,
    "cDC": 0.8,
    "CD4+ T cell": 0.5,
    "CD8+ T cell": 0.5,
    "NK cell": 0.6,
}
#: and the number of cells, as a factor
COMPOSITION_CHANGE: dict[str, float] = {"CD4+ T cell": 0.68}

LINEAGES: dict[str, str] = {
    "Progenitor": "#8b7fb8",
    "Erythroid": "#c4504d",
    "Megakaryocytic": "#8a4a72",
    "Myeloid": "#dd9433",
    "B lymphoid": "#3f7fbf",
    "T/NK": "#2f9382",
    "Stroma": "#93897c",
}


@dataclass(frozen=True)
class Anchor:
    """A place in expression space.

    Attributes
    ----------
    programs
        How far each program is on there, as ``"name level, name level"``.
    depth
        Distance from the stem cells along the tree; None where a cell is not on the trajectory.
    at
        Initial position in the embedding.
    ribosome, library, cycling
        Ribosomal content and counts relative to the mean, and the fraction of the cells that divide.
    """

    programs: str
    depth: float | None
    at: tuple[float, float]
    ribosome: float = 1.0
    library: float = 1.0
    cycling: float = 0.02


ANCHORS: dict[str, Anchor] = {
    "hsc": Anchor("stem 1, progenitor .7, antigen_presenting .25", 0.0, (0.0, 0.0), 1.3, 0.9, 0.04),
    "mpp": Anchor(
        "stem .25, progenitor 1, antigen_presenting .3, granulomonocytic .04", 1.0, (-0.4, -1.5), 1.5, 1.1, 0.30
    ),
    "mep": Anchor("stem .05, progenitor .7, megaerythroid 1, antigen_presenting .05", 2.1, (-2.7, 0.5), 1.6, 1.3, 0.35),
    "ery1": Anchor(
        "megaerythroid .35, erythroid_early 1, progenitor .1, erythroid_late .05", 3.6, (-5.4, 1.6), 1.5, 1.6, 0.75
    ),
    "ery2": Anchor("erythroid_early .6, erythroid_late .33", 5.0, (-7.9, 0.9), 0.8, 1.3, 0.45),
    "ery3": Anchor("erythroid_late 1.7, erythroid_early .05", 6.2, (-9.4, -2.3), 0.22, 0.9, 0.03),
    "mk": Anchor("megakaryocyte 1, megaerythroid .2", 4.6, (-3.9, 4.6), 0.5, 1.5, 0.06),
    "gmp": Anchor(
        "granulomonocytic 1, progenitor .55, myeloid .15, antigen_presenting .2", 2.5, (0.2, -4.4), 1.4, 1.5, 0.55
    ),
    "premono": Anchor(
        "granulomonocytic .3, myeloid .7, monocyte_classical .35, antigen_presenting .25",
        3.7,
        (1.3, -7.0),
        0.9,
        1.3,
        0.30,
    ),
    "mono": Anchor("myeloid 1, monocyte_classical 1, antigen_presenting .3", 5.0, (4.2, -8.6), 0.6, 1.1),
    "mono_inflamed": Anchor(
        "myeloid 1, monocyte_classical .85, antigen_presenting .55, stress .7, interferon .15",
        5.2,
        (5.6, -6.9),
        0.6,
        1.1,
    ),
    "mono16": Anchor("myeloid 1.1, monocyte_patrolling 1, antigen_presenting .5", 6.0, (7.6, -8.9), 0.6, 1.0),
    "cdc": Anchor("myeloid .7, dendritic 1, antigen_presenting 1.2", 4.6, (5.0, -4.4), 0.9, 1.3, 0.08),
    "pdc": Anchor("plasmacytoid 1, antigen_presenting .55", 4.6, (3.6, -1.9), 0.8, 1.2),
    "prob": Anchor("b_precursor_early 1, progenitor .3", 2.8, (2.2, 1.8), 1.2, 1.1, 0.65),
    "preb": Anchor(
        "b_precursor_late 1, b_precursor_early .08, antigen_presenting .15", 4.0, (4.4, 4.0), 0.9, 0.8, 0.20
    ),
    "bnaive": Anchor("b_cell 1, b_naive 1, antigen_presenting .8", 5.2, (7.2, 4.0), 1.2, 0.8),
    "bmem": Anchor("b_cell 1, b_memory 1, antigen_presenting .85", None, (9.9, 2.6), 1.1, 0.85),
    "plasma": Anchor("plasma 1.1", None, (11.4, -1.2), 0.6, 1.5, 0.04),
    "cd4n": Anchor("t_cell 1, t_helper 1, t_naive 1", None, (3.6, 9.0), 1.45, 0.8),
    "cd4m": Anchor("t_cell 1.1, t_helper .8, t_helper_memory 1, t_naive .25", None, (6.6, 10.4), 1.0, 0.85),
    "treg": Anchor(
        "t_cell 1.1, t_helper .5, t_regulatory 1, t_helper_memory .6, t_naive .3", None, (5.6, 12.4), 1.0, 0.9
    ),
    "cd8n": Anchor("t_cell 1, t_killer 1, t_naive .95", None, (1.2, 8.6), 1.4, 0.8),
    "cd8m": Anchor("t_cell 1.1, t_killer 1, t_killer_memory 1", None, (0.4, 11.6), 0.9, 0.85),
    "cd8e": Anchor("t_cell 1.1, t_killer .9, cytotoxic 1", None, (-2.6, 12.0), 0.7, 0.85),
    "nk": Anchor("natural_killer 1, cytotoxic .75", None, (-5.6, 9.8), 0.6, 0.85),
    "nkb": Anchor("natural_killer .8, natural_killer_bright 1", None, (-5.0, 8.0), 0.7, 0.9),
    "sinusoid": Anchor("endothelial 1, antigen_presenting .2", None, (-9.6, 6.3), 0.5, 1.2),
    "arteriole": Anchor("endothelial .85, stress .5, interferon .3", None, (-8.6, 7.4), 0.5, 1.2),
    "reticular": Anchor("reticular 1", None, (-11.6, 4.0), 0.5, 1.5),
    "fibroblast": Anchor("reticular .55, stress .8", None, (-11.3, 5.4), 0.6, 1.2),
}


@dataclass(frozen=True)
class Trajectory:
    """A path of cells from one anchor to another.

    Attributes
    ----------
    share
        Relative number of cells.
    spread
        The two parameters of the beta distribution of the cells along the path.
    cell_types
        Pairs of the fraction of the path up to which a cell type extends, and the cell type.
    """

    start: str
    end: str
    share: float
    spread: tuple[float, float]
    cell_types: tuple[tuple[float, str], ...]


PATHS: tuple[Trajectory, ...] = (
    Trajectory("hsc", "mpp", 4.2, (0.9, 0.9), ((1.0, "HSC/MPP"),)),
    Trajectory("mpp", "mep", 4.0, (1.0, 1.0), ((0.45, "HSC/MPP"), (1.0, "MEP"))),
    Trajectory("mep", "ery1", 6.0, (1.0, 1.0), ((0.4, "MEP"), (1.0, "Early erythroblast"))),
    Trajectory("ery1", "ery2", 6.0, (0.9, 1.0), ((0.62, "Early erythroblast"), (1.0, "Late erythroblast"))),
    Trajectory("ery2", "ery3", 6.2, (1.0, 0.8), ((1.0, "Late erythroblast"),)),
    Trajectory("mep", "mk", 2.9, (1.0, 0.75), ((0.42, "MEP"), (1.0, "Megakaryocyte"))),
    Trajectory("mpp", "gmp", 5.4, (1.0, 1.0), ((0.4, "HSC/MPP"), (1.0, "GMP"))),
    Trajectory("gmp", "premono", 4.2, (0.9, 1.0), ((0.62, "GMP"), (1.0, "CD14+ monocyte"))),
    Trajectory("premono", "mono", 6.6, (1.1, 0.6), ((1.0, "CD14+ monocyte"),)),
    Trajectory("mono", "mono_inflamed", 4.4, (0.7, 1.0), ((1.0, "CD14+ monocyte"),)),
    Trajectory("mono", "mono16", 4.0, (0.9, 0.6), ((0.5, "CD14+ monocyte"), (1.0, "CD16+ monocyte"))),
    Trajectory("gmp", "cdc", 3.0, (1.0, 0.6), ((0.4, "GMP"), (1.0, "cDC"))),
    Trajectory("gmp", "pdc", 2.3, (1.1, 0.42), ((0.4, "GMP"), (1.0, "pDC"))),
    Trajectory("mpp", "prob", 4.6, (0.9, 0.85), ((0.38, "HSC/MPP"), (1.0, "Pro-B cell"))),
    Trajectory("prob", "preb", 4.2, (0.9, 0.9), ((1.0, "Pro-B cell"),)),
    Trajectory("preb", "bnaive", 4.2, (0.9, 0.75), ((0.42, "Pro-B cell"), (1.0, "B cell"))),
    Trajectory("bnaive", "bmem", 7.2, (0.75, 0.8), ((1.0, "B cell"),)),
    Trajectory("plasma", "plasma", 1.9, (1.0, 1.0), ((1.0, "Plasma cell"),)),
    Trajectory("bmem", "plasma", 0.12, (1.0, 1.0), ((0.5, "B cell"), (1.0, "Plasma cell"))),
    Trajectory("cd4n", "cd4m", 11.5, (0.7, 0.75), ((1.0, "CD4+ T cell"),)),
    Trajectory("cd4m", "treg", 1.7, (0.9, 0.5), ((1.0, "CD4+ T cell"),)),
    Trajectory("cd8n", "cd8m", 4.6, (0.7, 0.9), ((1.0, "CD8+ T cell"),)),
    Trajectory("cd8m", "cd8e", 5.2, (0.9, 0.7), ((1.0, "CD8+ T cell"),)),
    Trajectory("nkb", "nk", 5.4, (1.4, 0.45), ((1.0, "NK cell"),)),
    Trajectory("sinusoid", "arteriole", 1.1, (0.6, 0.8), ((1.0, "Endothelial"),)),
    Trajectory("reticular", "fibroblast", 1.3, (0.6, 1.0), ((1.0, "Reticular stroma"),)),
)

HOUSEKEEPING = (
    "260: MALAT1; 150: TMSB4X B2M; 110: EEF1A1 FTH1; 85: TMSB10 ACTB TPT1 FTL; 60: PTMA HLA-B FAU NACA;"
    " 40: HLA-A HLA-C GAPDH UBA52 H3-3B RACK1 EEF1D CFL1 PFN1 OAZ1; 25: ARPC1B ARPC2 ARPC3 MYL6 MYL12A"
    " YBX1 HINT1 SERF2 EIF1 BTF3 EEF1B2 HNRNPA1 NPM1 ENO1 PPIA CD52 VIM S100A4 CORO1A SRP14 ATP5F1E COX4I1"
    " COX7C UQCRB PABPC1 SH3BGRL3 H3-3A CALM1 GNAS NEAT1 S100A6 S100A11 ARHGDIB; 10: HSP90AB1 HSPA8 SUMO2"
    " TXN PRDX1 LDHB LDHA TPI1 PGK1 ALDOA PKM COX6C COX5B COX7A2 COX8A NDUFA4 NDUFS5 NDUFB2 ATP5MG ATP5PO"
    " CHCHD2 SLC25A5 SLC25A6 SLC25A3 VDAC1 YWHAZ YWHAB RHOA CDC42 RAC1 RAC2 UBC PSMB1 PSMA7 PSME1 PSME2"
    " LAPTM5 CD48 CD53 PTPRC HCLS1"
)
