"""The league: one table of ranks of all methods on a folder of tables."""
