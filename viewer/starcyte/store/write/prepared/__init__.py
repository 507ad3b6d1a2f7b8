"""Writing of the prepared store: from a dataset of any format, in bounded memory, resumed where it stopped."""
