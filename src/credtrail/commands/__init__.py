"""The commands of `credtrail`: one file for each group; `__main__` lists them all."""
