"""Posts from files: history exports and other tools. What a worker process loads stands apart from what writes."""
