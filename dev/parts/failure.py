"""What can go wrong with a stack, in words for the person who typed the command."""


class StackFailure(Exception):
    """The stack could not do what was asked; the text says why and, where it is known, what to do."""
