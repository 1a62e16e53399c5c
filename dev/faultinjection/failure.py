"""What ends a run of dev/faults with one sentence."""


class RunFailure(Exception):
    """The run could not be done: this says nothing of the product."""
