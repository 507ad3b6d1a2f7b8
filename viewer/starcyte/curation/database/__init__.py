"""The SQLite database of annotations, gene sets and saved items."""
