"""Bash's completion for the commands, generated from their switches."""
