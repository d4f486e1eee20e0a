"""The notebooks that a project's members share: their folder, its versions, its size, its copies, its end."""
