"""Every word on the screen, by language and by panel.

A second language is a second package with the same keys and the same parts in braces.
"""
