"""The command line: parse, call one core function, render. Nothing here decides anything."""
