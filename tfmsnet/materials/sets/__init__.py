"""Cells from the literature, one a file; `tfmsnet.materials.registry` lists them."""
