"""The report of an experiment: a person's Markdown, in which each run writes its facts and results."""
