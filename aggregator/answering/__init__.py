"""What helps to write a good and safe answer (docs/answering.md): the safety check, snippets, similar answers."""
