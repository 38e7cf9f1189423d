"""The description of a hub for other people and programs: a function of its records, so that it can be made again."""
