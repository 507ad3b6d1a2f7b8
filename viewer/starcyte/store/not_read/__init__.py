"""Files, folders and groups that are not read, known by their content: what each is, and the command that helps."""
