"""Files, folders and groups that are not read, known by their content: the kind of each, and the command that helps."""
