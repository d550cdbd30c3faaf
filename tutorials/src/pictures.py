"""Draw the small pictures of the gallery from its panels: `python tutorials/src/pictures.py`."""

import ppl_core as ppl
import ppl_widgets
from ppl_widgets.panels.gallery import ENTRIES, picture_of

WIDTH = 300

for name in ENTRIES:
    with ppl.ParamStore():
        panel = getattr(ppl_widgets, name)()
        if panel.session.step < panel.session.num_steps:
            panel.session.run(panel.session.num_steps - panel.session.step)
            panel.paint()
        picture_of(name).write_bytes(panel._plot.picture(width=WIDTH, key=False))
        panel.close()
    print(f"{name:16} {picture_of(name).stat().st_size / 1e3:5.1f} kB")
