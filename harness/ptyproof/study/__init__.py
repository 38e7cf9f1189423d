"""L3: what a study is: designs, views, seeds, and the built-in studies."""
