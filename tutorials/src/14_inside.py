# %% [markdown]
# # Inside
#
# You will read the core file by file, build the heart of each file in a cell, and hold yours
# against the original.
#
# This is for programmers who want to know how a probabilistic programming language works. You need
# Python, a little PyTorch, and the [first](01_programs_that_sample.ipynb) and the
# [second](02_conditioning.ipynb) notebook.
#
# The core has a map. A file imports only what stands above it there, so the order in which Python
# loads the files is an order in which you can read them.

# %%
import ppl_core as ppl

print(ppl.__doc__)

# %% [markdown]
# All source shown below is read from the files that run here. Docstrings are left out; open the
# files for those.

# %%
import ast
import inspect
import textwrap


def show(*things):
    for thing in things:
        lines, number = inspect.getsourcelines(thing)
        lines = textwrap.dedent("".join(lines)).splitlines()
        first = ast.parse("\n".join(lines)).body[0].body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            del lines[first.lineno - 1 : first.end_lineno]
        file = thing.__module__.replace(".", "/")
        print(f"# {file}.py, line {number}", *lines, "", sep="\n")


# %% [markdown]
# ## 1. `effects`: a statement is a question
#
# `sample("weight", ...)` does not say what happens. It asks, and whoever listens may answer: the
# innermost **handler** first, which may pass the question on, outward. If nobody answers, the value
# is drawn.
#
# That takes a dozen lines. `chain[-1]` is whoever is asked first.

# %%
from contextlib import contextmanager

chain = [lambda site: site if "value" in site else {**site, "value": site["fn"].sample()}]


@contextmanager
def listening(handle):
    forward = chain[-1]
    chain.append(lambda site: handle(site, forward))
    try:
        yield
    finally:
        chain.pop()


def toy_sample(name, fn):
    ask = chain[-1]
    return ask({"name": name, "fn": fn})["value"]


# %% [markdown]
# Two handlers: `note` looks at what comes back, `glue` changes what goes out. Before you run the
# cell: `glue` stands outside in the second run. Does `note`, inside, still hear of 9.5?

# %%
import torch

import ppl_core.distributions as dist


def toy_scale(guess):
    weight = toy_sample("weight", dist.Normal(guess, 1.0))
    return toy_sample("measurement", dist.Normal(weight, 0.75))


def note(site, forward):
    site = forward(site)
    noted[site["name"]] = round(site["value"].item(), 4)
    return site


def glue(site, forward):
    if site["name"] == "measurement":
        site = {**site, "value": torch.tensor(9.5)}
    return forward(site)


for outer, inner in ((note, glue), (glue, note)):
    noted = {}
    torch.manual_seed(101)
    with listening(outer), listening(inner):
        toy_scale(8.5)
    print(f"{outer.__name__} around {inner.__name__}:", noted)

# %% [markdown]
# It does: the settled site comes back through everyone. Now the original. `_active.emit` is
# `chain[-1]`; `settle` is the plain meaning at the end of the chain.

# %%
from ppl_core import effects

show(effects._Active, effects.Handler.handle, effects.Handler.__enter__, effects.Handler.__exit__)

# %% [markdown]
# Same chain, one per thread, and a class instead of a function, so that a handler can remember
# things. The same two handlers, on the core:


# %%
def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


class Note(ppl.Handler):
    def handle(self, site, forward):
        site = forward(site)
        heard[site.name] = round(site.value.item(), 4)
        return site


class Glue(ppl.Handler):
    def handle(self, site, forward):
        if site.name == "measurement":
            site = site.replace(value=torch.tensor(9.5))
        return forward(site)


heard = {}
torch.manual_seed(101)
with Glue(), Note():
    scale(8.5)
assert heard == noted
print("the core heard:", heard)

# %% [markdown]
# ## 2. `primitives` and `distributions`: what a message holds
#
# What travels is a `Site`. It is never changed, only replaced, so nobody can change it behind your
# back. See what it holds on its way out, and what it holds when it comes back:


# %%
class Watch(ppl.Handler):
    def handle(self, site, forward):
        settled = forward(site)
        new = vars(settled).keys() - vars(site).keys()
        print(f"{site.name}: out with {sorted(vars(site))}, back with {sorted(new)} too")
        return settled


torch.manual_seed(101)
with Watch():
    weight = ppl.sample("weight", dist.Normal(8.5, 1.0))

# %% [markdown]
# `sample` builds the site and sends it. When it meets no answer, `_draw` gives it its plain
# meaning, and the distribution does the work: a draw of a normal is noise, moved and stretched.

# %%
from ppl_core import primitives

show(primitives._draw, dist.Normal.from_noise)

# %% [markdown]
# So you can draw by hand:

# %%
torch.manual_seed(101)
noise = torch.randn(())
assert torch.equal(8.5 + 1.0 * noise, weight)
print(f"noise {noise:.4f}, by hand {8.5 + 1.0 * noise:.4f}, the core {weight:.4f}")

# %% [markdown]
# ## 3. `params`: a free number, and how it is seen
#
# A learned width must stay above 0, but a learning step may lead anywhere. So the store keeps the
# logarithm as a **leaf**, and every look at it goes through the exponential.


# %%
class Leaves(dict):
    def param(self, name, init):
        if name not in self:
            self[name] = torch.tensor(init).log().requires_grad_()
        return self[name].exp()


mine = Leaves()
with ppl.ParamStore() as store:
    pairs = (
        (mine.param("b", 0.6), mine["b"]),
        (ppl.param("b", 0.6, constraint=dist.constraints.positive), store.unconstrained("b")),
    )
    for who, (value, leaf) in zip(("mine", "core"), pairs, strict=True):
        [slope] = torch.autograd.grad(value, leaf)
        assert torch.equal(slope, value)
        print(f"{who}: leaf {leaf:.4f}, seen {value:.4f}, d seen / d leaf {slope:.4f}")

# %% [markdown]
# The original asks the constraint for its transform. Note that the value is computed at each look:
# that is how gradients find their way to the leaf.

# %%
show(ppl.ParamStore.__getitem__)

# %% [markdown]
# ## 4. `plates`: rows, and how much they count
#
# A plate is a handler around the statements inside it. Six readings, and each run looks at two of
# them. Before you run the cell: how much should each of the two count?

# %%
from ppl_core.handlers import trace
from ppl_core.plates import plate

show(plate.handle)

# %%
readings = torch.tensor([9.5, 9.1, 9.9, 9.3, 9.6, 9.2])


def many():
    with ppl.plate("readings", 6, subsample_size=2) as chosen:
        ppl.sample("measurement", dist.Normal(9.0, 0.75), obs=readings[chosen])
    return chosen


torch.manual_seed(101)
sites = trace(many).get_trace()
chosen = sites["_RETURN"].value
by_hand = 6 / 2 * dist.Normal(9.0, 0.75).log_prob(readings[chosen]).sum()
torch.testing.assert_close(by_hand, sites.log_prob_sum())
print(f"rows {chosen.tolist()}, scale {sites['measurement'].scale}")
print(f"log density {by_hand:.4f} by hand, {sites.log_prob_sum():.4f} by the core")

# %% [markdown]
# Each counts three times: the two stand for six. The scale is set on the way out, before `forward`.
# What `trace` records, further out, has it.
#
# ## 5. `handlers`: a class each
#
# All other meanings of a program are handlers. `condition` takes five lines:


# %%
class given(ppl.Handler):
    def __init__(self, data):
        self.data = {name: torch.as_tensor(value) for name, value in data.items()}

    def handle(self, site, forward):
        if site.kind == "sample" and site.name in self.data:
            site = site.replace(value=self.data[site.name], observed=True)
        return forward(site)


def told(model):
    torch.manual_seed(101)
    sites = trace(model).get_trace(8.5)
    return {s.name: (s.value.item(), s.observed, s.log_prob.item()) for s in sites.samples()}


data = {"measurement": 9.5}
mine, core = told(given(scale, data=data)), told(ppl.condition(scale, data=data))
assert mine == core
for name, (value, observed, log_prob) in mine.items():
    print(f"{name}: {value:.4f}, observed {observed}, log probability {log_prob:.4f}")

# %% [markdown]
# The original does the same. What it adds is kindness: a name that no site has is an error, which
# names the nearest one.

# %%
show(ppl.condition.handle)
try:
    ppl.condition(scale, data={"measurment": 9.5})(8.5)
except ppl.ModelError as error:
    print(error)

# %% [markdown]
# `trace` is the `Note` of stop 1, `replay` gives each site the value that it had before, `block`
# answers without passing on.
#
# ## 6. `density`: a program as a function
#
# Inference asks one thing of a program: how probable is this run? Replay the values, record, add
# up. Here at weight 9, with reading 9.5: log N(9; 8.5, 1) + log N(9.5; 9, 0.75).

# %%
from ppl_core.handlers import replay


def my_log_density(model, values, *args):
    with trace() as sites, replay(trace=values):
        model(*args)
    return sum(site.log_prob.sum() for site in sites.samples())


conditioned = ppl.condition(scale, data=data)
mine, core = (f(conditioned, {"weight": 9.0}, 8.5) for f in (my_log_density, ppl.log_density))
assert torch.equal(mine, core)
print(f"log density at weight 9: {mine:.4f} by hand, {core:.4f} by the core")
show(ppl.log_density)

# %% [markdown]
# ## 7. `infer`: a step of SVI
#
# Draw from the guide, score the draw in both programs, and walk down the slope of the difference.
# You have built every piece. Before you run the cell: your 300 steps and the core's start from the
# same seed. In how many digits will they agree?

# %%
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.optim import SGD


def guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=dist.constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def my_step(a, u, lr):
    """One step of SGD on the leaves: a is free, b = exp(u)."""
    b, noise = u.exp(), torch.randn(())
    q = dist.Normal(a, b)
    weight = q.from_noise(noise)
    log_q = q.log_prob_of_noise(noise)  # the noise is known, so nothing is divided again
    log_p = dist.Normal(8.5, 1.0).log_prob(weight) + dist.Normal(weight, 0.75).log_prob(9.5)
    loss = log_q - log_p
    slopes = torch.autograd.grad(loss, [a, u])
    a, u = (leaf.detach().sub(g, alpha=lr) for leaf, g in zip((a, u), slopes, strict=True))
    return a.requires_grad_(), u.requires_grad_(), loss.item()


torch.manual_seed(101)
a, u = torch.tensor(8.5, requires_grad=True), torch.tensor(0.0, requires_grad=True)
mine = []
for _ in range(300):
    a, u, loss = my_step(a, u, 0.01)
    mine.append(loss)

torch.manual_seed(101)
with ppl.ParamStore() as store:
    svi = SVI(conditioned, guide, SGD({"lr": 0.01}))
    core = [svi.step(8.5) for _ in range(300)]
    assert torch.equal(a, store.unconstrained("a"))
    assert torch.equal(u, store.unconstrained("b"))
assert mine == core
print(f"after 300 steps a {a:.4f}, b {u.exp():.4f}, last loss {loss:.4f}: equal bit by bit")

# %% [markdown]
# Equal to the last bit, 300 steps long. The original gets log q and log p from two traces, so it
# works for any pair of programs. `_move` then asks autograd for slopes and the optimiser for new
# leaves.

# %%
show(Trace_ELBO._estimate, SVI._move, SGD.rule)

# %% [markdown]
# ## 8. `runs`: a state, a stream, and the way back
#
# A run that can be rewound keeps two things: the **state**, all that the next step needs, and where
# the random stream stands. A state is never changed, so it can be kept as it is.


# %%
def my_run(kernel, *args, seed, steps):
    torch.manual_seed(seed)
    state, kept, losses = kernel.init(*args), [], []
    for _ in range(steps):
        kept.append((state, torch.get_rng_state()))
        state, info = kernel.update(state, *args)
        losses.append(info.loss)
    return losses, kept


with ppl.ParamStore():
    mine, kept = my_run(SVI(conditioned, guide, SGD({"lr": 0.01})), 8.5, seed=101, steps=50)

torch.manual_seed(7)
outside = torch.get_rng_state()
with ppl.ParamStore():
    svi = SVI(conditioned, guide, SGD({"lr": 0.01}))
    run = ppl.InferenceRun(svi, 8.5, seed=101, max_steps=50)
    first = [snapshot.info.loss for snapshot in run]
    back = run.rewind(20).step
    again = [snapshot.info.loss for snapshot in run]
assert first == mine
assert again == first[back:]
assert torch.equal(outside, torch.get_rng_state())
assert torch.equal(kept[20][0].values["a"], run.rewind(20).state.values["a"])
print(f"{len(first)} losses equal; back to step {back}, and {len(again)} are taken again, equal")

# %% [markdown]
# One assertion is about you: the run left your own random numbers where they were. It lends torch
# its stream while it steps. And it keeps every tenth moment, the old ones sparser, not all.

# %%
show(ppl.InferenceRun._one_step, ppl.InferenceRun.rewind)

# %% [markdown]
# ## 9. `compiled`: the same step, written down
#
# A step is a few dozen operations on single numbers, and Python asks torch for each in turn. So
# `svi.run` takes a step once as it is, handlers, gradients and all, and notes every operation. Here
# is what autograd made of your two programs:


# %%
def trained(compile):
    torch.manual_seed(101)
    with ppl.ParamStore():
        svi = SVI(conditioned, guide, SGD({"lr": 0.01}))
        result = svi.run(300, 8.5, compile=compile, progress_bar=False)
    return result, svi.compiled


eager, _ = trained("never")
fast, compiled = trained("auto")
program = compiled.program
print(program)
print(f"{len(program.ops)} operations a step")

# %% [markdown]
# Everything that Python did is gone: no handler, no store, no `if`. Read it from the top: the draw,
# log q, log p, the loss; then the chain rule, backwards; then two steps of SGD. It can be walked in
# a dozen lines. (The core writes it out as C, JavaScript or Python floats.)

# %%
import operator

from ppl_core.compiled import View

MEANING = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "exp": torch.exp,
    "log": torch.log,
    "cast": lambda x: x.float(),
}


def walk(program, state, noise):
    """New state and loss: the operations, one after the other."""
    held = {value.id: value.tensor for value in program.inputs("data")}
    held |= {value.id: x for value, x in zip(program.inputs("state"), state, strict=True)}
    held |= {value.id: noise for value in program.inputs("noise")}
    for op in program.ops:
        compute = MEANING[op.name]
        args = [held[arg.value] if isinstance(arg, View) else arg for arg in op.args]
        held[op.out.value] = compute(*args)
    *state, loss = (held[result.value] for result in program.results)
    return state, loss.item()


torch.manual_seed(101)
state, mine = [torch.tensor(8.5), torch.tensor(0.0)], []
for _ in range(300):
    state, loss = walk(program, state, torch.randn(()))
    mine.append(loss)

losses = {"walked": torch.tensor(mine), "compiled": fast.losses}
for name, each in losses.items():
    away = (each - eager.losses).abs().max().item()
    assert away < 1e-4
    print(f"{name}: 300 losses, at most {away:.0e} from those of svi.step")

# %% [markdown]
# Why are they the same steps, and not merely steps like these? Because the noise is the same. A
# generator is a fixed list of numbers, so those of the next thousand steps can be drawn ahead: a
# **tape**.

# %%
from ppl_core.compiled.tape import Draw, draw

[ahead] = draw([Draw("normal", (), "float32")], 1000, torch.Generator().manual_seed(101))
torch.manual_seed(101)
one_by_one = torch.stack([torch.randn(()) for _ in range(1000)])
assert torch.equal(ahead, one_by_one)
print(f"{len(ahead):,} numbers drawn ahead and one by one: equal bit by bit")

# %% [markdown]
# And nothing runs unproven: each compiled step is compared with eager ones before it is used.

# %%
print(f"run as {compiled.backend}; largest relative error in its trial: {compiled.error:.0e}")

# %% [markdown]
# ## 10. The map, checked
#
# A map that nobody checks is soon out of date. This cell reads every file of the core and asks
# whether it imports anything from below its own place.

# %%
from pathlib import Path

ROOT = Path(ppl.__file__).parent
rows = [line[4:21] for line in ppl.__doc__.splitlines() if line.startswith("    ")]
ORDER = [name for row in rows for name in row.replace(",", " ").split()]


def imported(path):
    """Parts of the core that a file imports when it is loaded."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for line in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(line, ast.ImportFrom) and line.level:
            package = [*here[: -line.level], *(line.module or "").split(".")]
            names = [name for name in package if name]
            yield from names[:1] or [alias.name for alias in line.names]


files = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]
links = [
    (path.relative_to(ROOT).with_suffix("").parts[0], part)
    for path in files
    for part in imported(path)
]
upward = [(part, other) for part, other in links if ORDER.index(other) > ORDER.index(part)]
assert upward == []
print(f"{len(files)} files, {len(links)} imports, {len(upward)} from below")

# %% [markdown]
# The same is a contract in `pyproject.toml` (`[tool.importlinter]`), stricter than here, and
# `tests/test_house.py` breaks it on purpose to see that it bites. README names the files of an
# afternoon's reading.
#
# ## Where people slip
#
# - *Forgets to pass on*: without `forward(site)` nobody draws the value, and nobody further out
#   hears of it.
# - *Forgets to return*: `handle` returns the settled site. So does `__enter__` return the handler.
# - *Forgets `super().__enter__()`*: the handler never enters the chain and hears nothing. On the
#   way out an error says so.
# - *Replaces too late*: what is replaced after `forward` is seen inside, not further out.
# - *`site.value = 9.5`*: an error. A site is replaced: `site.replace(value=...)`.
# - *`Glue(data)`*: the first argument is a model. Name the settings: `Glue(data=data)`.
#
# ## Exercises
#
# Each asks for a handler: a class with a method `handle(self, site, forward)`.
#
# **14.count.** `with count() as c: program()` leaves in `c.num` how many `sample` statements this
# run made. A second `with` of the same handler starts from 0.

# %%
from ppl_widgets.exercises import check


class count(ppl.Handler):
    def handle(self, site, forward):
        return ...


check("14.count", count)


# %% [markdown]
# **14.hide.** `hide(model, name="weight")` settles that one site, so that nobody further out hears
# of it. All others pass. `effects.settle(site)` is the plain meaning of any statement.


# %%
class hide(ppl.Handler):
    def __init__(self, name):
        self.name = name

    def handle(self, site, forward):
        return ...


check("14.hide", hide)

# %% [markdown]
# **14.temper.** `temper(model, power=0.5)` lets the log probability of each observed site count
# `power` times as much as it would. Other handlers may have scaled it before.


# %%
class temper(ppl.Handler):
    def __init__(self, power):
        self.power = power

    def handle(self, site, forward):
        return ...


check("14.temper", temper)

# %% [markdown]
# ## What you can now say
#
# A statement asks; handlers answer, look on, or pass it on. Conditioning, recording and replaying
# are a few lines each; a log density is two of them; a step of SVI is two log densities and a
# slope. A run keeps states and a stream. What is compiled is that same step, on the same noise.
#
# Read on: `ppl_core/effects.py`, then `handlers/given.py`, with README's list at hand. Back to
# [what differs from Pyro](13_from_pyro.ipynb), or to the [start](00_start_here.ipynb).
