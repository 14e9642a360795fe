"""What an application's call does: validate, admit, dispatch."""
