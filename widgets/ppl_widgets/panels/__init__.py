"""Live panels: the only files that know sessions, plots, controls and the clock at once.

`ppl_widgets` knows which file each panel is in, and loads it when it is asked for.
"""
