"""Open every panel once and let it run: its compiled steps and its bytecode are there from then on.

    python binder/warm.py

A session that comes later, on another machine of the same kind, finds them in the user's cache.
"""

import time

import ppl_core as ppl
import ppl_widgets
from ppl_core.compiled.build import cache_folder
from ppl_core.infer import MCMC, NUTS
from ppl_widgets.panels.gallery import ENTRIES
from ppl_widgets.scenarios.weighing import scale

for name in ENTRIES:
    begin = time.perf_counter()
    with ppl.ParamStore():
        panel = getattr(ppl_widgets, name)()
        panel.run()
        panel.close()
    print(f"{name:16} {time.perf_counter() - begin:5.1f} s")
begin = time.perf_counter()
model = ppl.condition(scale, data={"measurement": 9.5})
kernel = NUTS(model, jit_compile="auto")  # brings the driver of all chains
MCMC(kernel, num_samples=100, warmup_steps=100, disable_progbar=True).run(8.5)
print(f"{'NUTS':16} {time.perf_counter() - begin:5.1f} s")
print(f"{len(list(cache_folder().glob('*.so')))} compiled steps in {cache_folder()}")
