"""Every word on the screen, by language and by panel.

Each language is a package with the same keys and the same parts in braces; `PPL_LANGUAGE` chooses.
"""
