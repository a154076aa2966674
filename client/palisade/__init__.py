"""The command-line client of Palisade. It knows the platform by its public API alone."""

from importlib.metadata import version

__version__ = version("palisade")
