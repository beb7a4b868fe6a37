"""What the tree must look like: the import graph, which room may know which, and what every package says of itself."""
