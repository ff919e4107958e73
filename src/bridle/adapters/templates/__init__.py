"""Templates and pipelines as files: of a folder, of a branch, of what ships."""
