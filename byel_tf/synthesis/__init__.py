"""Built-in synthetic faces: a seeded NumPy drawing driven by FACS action units."""
