"""The command line, one file a command. Heavy imports stay inside the functions, so that `--help` is quick."""
