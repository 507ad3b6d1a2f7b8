"""The AnnData specification: frames, matrices, names, embeddings and colours, as numpy arrays."""
