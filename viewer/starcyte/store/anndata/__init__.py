"""The AnnData specification over groups and arrays: frames, matrices, names, embeddings, images and colours."""
