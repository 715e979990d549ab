"""fixoms: a FIX 4.4 exchange gateway and order management system."""

__version__ = "0.1.0"
