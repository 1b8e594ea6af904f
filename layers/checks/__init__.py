"""What is judged before it counts: a layer against its schema, layers against each other, masts, outlines."""
