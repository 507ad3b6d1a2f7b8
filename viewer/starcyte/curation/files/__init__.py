"""Files of annotations, gene sets and saved items: tables, sessions, h5ad, the outputs folder."""
