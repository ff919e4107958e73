"""Evidence: what may be said of a change or a deployment, the file that shows it, and the programs that check it."""
