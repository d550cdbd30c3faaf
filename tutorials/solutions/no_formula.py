"""Solutions to notebook 10, as the panel shows them."""

ANSWERS = {"10.centre": 9.46, "10.gap": (0.71, 0.13)}
