"""Why a demo failed, in words for the person who typed the command."""


class DemoFailure(Exception):
    """Something did not go as promised."""
