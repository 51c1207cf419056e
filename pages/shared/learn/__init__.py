"""The scenes of the Learn page, one a file."""
