"""Pictures of the portal for the documentation, made from a real one."""
