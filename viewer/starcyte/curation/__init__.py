"""Annotations, gene sets and saved items of users, their database, and their files."""
