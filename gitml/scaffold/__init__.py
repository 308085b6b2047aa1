"""What gitml lays down in a project: files that are the project's own from then on."""
