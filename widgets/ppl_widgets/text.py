"""Everything a panel says, in one catalogue; numbers are written by code, never by a sentence.

A second language is a second catalogue with the same keys. `say(key, **parts)` takes text and
numbers that are already written, so no sentence decides how many digits a reader sees.
"""

import math

ENGLISH = {
    # controls
    "control.unknown": "There is no control {given}.{suggestion} Controls: {names}.",
    "control.number": "{label}: {given} is not a number. Give one from {low} to {high}.",
    "control.finite": "{label}: {given} is not a finite number. Give one from {low} to {high}.",
    "control.whole": "{label}: {given} is not a whole number. Give one from {low} to {high}.",
    "control.range": "{label}: {given} is out of range. Give a number from {low} to {high}.",
    "control.choice": "{label}: {given} is not on offer. Choose {options}.",
    "label.lr": "learning rate",
    "help.lr": "How far one step goes; 0.001 in the original tutorial",
    "label.optimiser": "optimiser",
    "help.optimiser": "The rule that turns a gradient into a step",
    "label.particles": "particles K",
    "help.particles": "Draws from the guide that one loss averages",
    "label.num_steps": "steps",
    "help.num_steps": "Steps that a press of Play grants",
    # the unreliable scale
    "weighing.title": "The unreliable scale",
    "label.guess": "guess",
    "help.guess": "What you believe before you weigh: the prior's mean",
    "label.measurement": "measurement",
    "help.measurement": "What the scale reads",
    "label.noise_sd": "noise sd",
    "help.noise_sd": "How much the scale's reading varies around the weight",
    "label.prior_sd": "prior sd",
    "help.prior_sd": "How far the weight may lie from your guess",
    # the condition bench
    "conditioning.title": "The condition bench",
    "label.window": "window",
    "help.window": "How far a run's reading may be off to be kept",
    "label.form": "form",
    "help.form": "How the program is given its reading",
    "conditioning.told": "Kept {kept} of {num} runs, exact {share}. Their mean weight is {mean}, "
    "exact {exact}, {source}.",
    "conditioning.none": "Kept {kept} of {num} runs, exact {share}, {source}. Draw on, or widen "
    "the window?",
    "ledger.entry": "{site} = {value} by {who}",
    "ledger.drawn": "{site} by {who}",
    # the forward machine
    "forward.title": "The forward machine",
    "forward.told": "The readings of {num} runs have mean {mean} and sd {sd}. Exact {exact}, "
    "{source}.",
    "forward.few": "Exact readings {exact}, {source}.",
    "fall.guess": "guess",
    "fall.weight": "weight",
    "fall.measurement": "measurement",
    "fall.draught": "draught",
    # look or touch
    "looking.title": "Look or touch",
    "label.site": "site",
    "help.site": "The statement whose value you see or set",
    "label.value": "value",
    "help.value": "What you see there, or set it to",
    "label.how": "you",
    "help.how": "Look: condition on the value. Touch: set it, with do",
    "label.draught": "draught",
    "help.draught": "A shared cause that moves weight and reading alike",
    "looking.none": "You leave everything as it is.",
    "looking.look": "You see {site} at {value}.",
    "looking.touch": "You set {site} to {value}.",
    "looking.site": "{site} {before} → {after}.",
    "looking.source": "All exact, {source}.",
    # the proposal lab
    "proposing.title": "The proposal lab",
    "label.a": "a, the guide's mean",
    "help.a": "Where the guide proposes",
    "label.b": "b, the guide's sd",
    "help.b": "How far around a it proposes",
    "label.tab": "use",
    "help.tab": "Weigh the draws, sieve them under an envelope, or propose them to a chain",
    "proposing.importance": "ESS {seen} of {num} draws, exact {exact}, {source}. Pareto k {k}. "
    "{evidence}",
    "proposing.evidence": "Mean weight {mean}, evidence {evidence}.",
    "proposing.equal": "none, all weights are equal",
    "proposing.rejection": "Kept {seen} of {num} draws, exact {exact}, {source}.",
    "proposing.chain": "Accepted {seen} of {num} proposals, exact {exact}, {source}.",
    "proposing.none": "No draws. Exact {exact}, {source}.",
    # where an answer comes from
    "source.closed": "closed form",
    "source.quadrature": "quadrature",
    # status
    "label.seed": "seed",
    "status.steps": "seed {seed} · step {step}/{num_steps}",
    "summary.idle": "Ready.",
    "summary.running": "Running, step {step}.",
    "summary.paused": "Paused at step {step}.",
    "summary.done": "Done at step {step}.",
    "summary.failed": "Stopped at step {step}.",
    "summary.learned": "Learned {learned}.",
    "summary.exact": "Exact {exact}, {source}.",
    "summary.no_exact": "No exact answer is known for this model.",
    "notice.new_noise": "New noise: seed {seed}.",
    "notice.same_noise": "Same noise again: seed {seed}.",
    "notice.back": "Back at step {step}.",
    "notice.more": "Continuing to step {num_steps}.",
    "notice.bound": "New program; same seed, same controls.",
    "notice.axis": "The {axis} axis now runs from {low} to {high}.",
    "mark.value": "{label} {value}",
    # drawing
    "label.num": "draws",
    "help.num": "Draws that a press of Play grants",
    "drawing.status": "seed {seed} · draw {step}/{num_steps}",
    "drawing.idle": "Ready.",
    "drawing.running": "Running, draw {step}.",
    "drawing.paused": "Paused at draw {step}.",
    "drawing.done": "Done at draw {step}.",
    "drawing.failed": "Stopped at draw {step}.",
    "drawing.error": "{message} Change a control and play on.",
    "drawing.more": "Continuing to draw {num_steps}.",
    "drawing.full": "No more than {step} draws are kept. Start again for others.",
    "drawing.back": "Back at draw {step}.",
    # what went wrong
    "error.inference": "{message} Change a control and play on, or go back 50 steps.",
    "error.program": "{where}{message}. Mend the program and run its cell again, or play on.",
    "code.elsewhere": "# The program is in your own cell.",
    "error.line": "Line {line}, `{code}`: ",
    # plots
    "plot.posterior": "posterior",
    "plot.loss": "loss",
    "plot.a": "a",
    "plot.b": "b",
    "plot.runs": "runs",
    "plot.kept": "kept",
    "plot.importance": "weighted draws",
    "plot.rejection": "under the envelope",
    "plot.chain": "chain",
    "plot.ess": "ESS / draws",
    "plot.kept_share": "share kept",
    "plot.accepted_share": "share accepted",
    "axis.height": "height",
    "axis.ago": "draws ago",
    "axis.share": "share",
    "axis.draw": "draw",
    "plot.weight": "weight",
    "plot.measurement": "measurement",
    "plot.draught": "draught",
    "plot.graph": "arrows",
    "axis.across": "",
    "axis.up": "",
    "axis.kg": "kg",
    "axis.kg_off": "kg",
    "axis.fall": "",
    "axis.weight": "weight",
    "axis.measurement": "measurement",
    "axis.density": "density",
    "axis.step": "step",
    "axis.loss": "loss (nats)",
    "axis.a": "a, the guide's mean",
    "axis.b": "b, the guide's sd",
    "trace.prior": "prior",
    "trace.likelihood": "likelihood",
    "trace.exact": "exact",
    "trace.learned": "learned",
    "trace.draws": "one draw",
    "trace.mean": "mean of {window}",
    "trace.floor_line": "floor",
    "trace.floor": "floor {value}",
    "trace.exact_value": "exact {value}",
    "trace.expected": "expected",
    "trace.forbidden": "no average can go here",
    "trace.draw": "draws",
    "trace.sized": "draws, sized by weight",
    "trace.guide": "guide",
    "trace.posterior": "exact posterior",
    "trace.refused": "refused",
    "trace.kept_draws": "kept",
    "trace.envelope": "envelope",
    "trace.mq": "M · guide",
    "trace.joint": "model with data",
    "trace.p": "p(weight, data)",
    "trace.exact_mean": "exact mean",
    "trace.chain": "chain",
    "trace.past": "runs before it",
    "trace.newest": "newest run",
    "trace.before": "before",
    "trace.other_deed": "the other way",
    "trace.if_look": "looked: {other}",
    "trace.if_touch": "touched: {other}",
    "trace.other": "other runs",
    "trace.kept": "kept runs",
    "trace.reading": "reading",
    "trace.reading_value": "reading {value}",
    "trace.limit": "window → 0",
    "caption.posterior": "KL {kl} · gap {gap}",
    "caption.no_truth": "No exact answer is known for this model.",
    "caption.loss": "mean of last {steps}: {mean} nats",
    "caption.a": "the guide's mean",
    "caption.b": "the guide's sd",
    "caption.start": "no step yet",
    "caption.changed": "no step since the change",
    "caption.runs": "kept {kept} of {num}, exact {share} · {ledger}",
    "caption.window": "mean {mean}, exact {exact}; window → 0: {limit}",
    "caption.kept": "mean {mean}, exact {exact}",
    "caption.nothing": "none kept",
    "caption.no_draws": "no draws",
    "caption.gauge": "{seen}, exact {exact}",
    "caption.tail": "exact tail k {k}",
    "alt.importance": "Draws of the guide, sized by weight, under guide and posterior. {summary}",
    "alt.rejection": "Draws under the envelope, kept below the model's curve. {summary}",
    "alt.chain": "The newest 200 states of the chain. {summary}",
    "alt.gauge": "What the draws say of themselves: {seen}, exact {exact}.",
    "caption.fall": "newest run: weight {weight}, then measurement {measurement}",
    "caption.site": "draws {seen}",
    "caption.given": "given",
    "caption.after": "mean of draws {mean}",
    "caption.no_draught": "no draught",
    "alt.fall": "The newest runs falling from the guess to the weight to the reading. {summary}",
    "alt.site": "Histogram of {site}: draws {seen}, exact {exact}.",
    "alt.graph": "The arrows of the program: {graph}. A struck one is cut.",
    "alt.looking": "{site} before and after. {summary}",
    "alt.runs": "Runs of the program, reading against weight. {summary}",
    "alt.kept": "Histogram of the kept weights on their exact density. {summary}",
    "alt.posterior": "Densities over the weight. {summary}",
    "alt.loss": "Loss by step in nats, with its floor; {caption}.",
    "alt.param": "Parameter {name} by step: now {now}, {exact}.",
    # panel
    "button.play": "Play",
    "button.pause": "Pause",
    "button.step": "Step",
    "button.step100": "Step 100",
    "button.back": "Back 50",
    "button.same": "Same noise",
    "button.new": "New noise",
    "button.copy": "Copy state",
    "help.train.play": "Train; press again to pause",
    "help.train.step": "Train one step",
    "help.train.step100": "Train a hundred steps",
    "help.train.same": "Start again with the same seed: the same draws",
    "help.train.new": "Start again with a new seed",
    "help.train.back": "Return to the state of 50 steps ago",
    "help.draw.play": "Draw; press again to pause",
    "help.draw.step": "Make one draw",
    "help.draw.step100": "Make a hundred draws",
    "help.draw.same": "Start again with the same seed: the same draws",
    "help.draw.new": "Start again with a new seed",
    "help.draw.back": "Take the newest 50 draws away",
    "label.speed": "speed",
    "help.speed": "How fast Play goes; it never changes what is learned",
    # the desk
    "desk.number": "number",
    "desk.run": "run",
    "desk.code": "code",
    "desk.codeLabel": "the code behind the panel",
    "desk.state": "Copy state",
    "desk.stateLabel": "one line of Python that rebuilds this panel",
    "desk.copied": "Copied.",
    "desk.selected": "Selected. Press Ctrl+C to copy.",
    "desk.printed": "printed by the model",
    "drawer.weighing": "noise · prior · optimiser",
    "drawer.proposing": "guess · measurement · noise · prior",
    "drawer.forward": "prior · draws",
    "drawer.looking": "draught · guess · noise · prior",
    "drawer.conditioning": "form · guess · noise · prior",
    # panel
    "panel.unseen": "Paused: nobody looked for {seconds} s. Press Play to go on.",
    "panel.interrupted": "Interrupted. Press Play to go on.",
    "panel.fault": "The panel stopped: {error}. Press Play to go on, or run the cell again.",
    "panel.no_loop": "Nothing can play: no event loop runs. Train at once: run({num_steps}).",
}


def say(key: str, **parts: object) -> str:
    """The catalogue's sentence for `key`, with its parts filled in.

    >>> say("status.steps", seed="101", step=count(1240), num_steps=count(2500))
    'seed 101 · step 1,240/2,500'
    """
    return ENGLISH[key].format(**parts)


def count(number: int) -> str:
    """A whole number for reading: `2,500`."""
    return f"{number:,}"


def fixed(value: float, places: int = 2) -> str:
    """A number to so many decimal places; in powers of ten where that would be unreadable.

    >>> fixed(9.14), fixed(-0.001), fixed(3.2e15), fixed(math.inf)
    ('9.14', '0.00', '3.2e+15', 'infinite')
    """
    if not math.isfinite(value):
        return "infinite" if math.isinf(value) else "not a number"
    if abs(value) >= 1e6:
        return f"{value:.1e}"
    return f"{round(value, places) + 0.0:.{places}f}"


def setting(value: object) -> str:
    """A control's value as a person would write it: `8.5`, `0.001`, `2,500`, `Adam`."""
    if isinstance(value, int):
        return count(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def nats(value: float) -> str:
    """A distance in nats, three places; a small one is bounded, not rounded to nothing.

    >>> nats(0.0041), nats(2e-5), nats(0.0)
    ('0.004 nats', '<0.001 nats', '0.000 nats')
    """
    small = 0.0 < value < 0.0005
    return f"{'<0.001' if small else fixed(value, 3)} nats"


def percent(share: float) -> str:
    """A share for reading: two digits below ten per cent.

    >>> percent(0.2286), percent(0.0457), percent(1.0), percent(0.0)
    ('23 %', '4.6 %', '100 %', '0 %')
    """
    return f"{fixed(100.0 * share, 1 if 0.0 < share < 0.0995 else 0)} %"


def normal(mean: float, sd: float) -> str:
    """A normal distribution by mean and sd.

    >>> normal(9.14, 0.6)
    'N(9.14, 0.60)'
    """
    return f"N({fixed(mean)}, {fixed(sd)})"


def listed(names: list[str], last: str = "or") -> str:
    """Names in a sentence.

    >>> listed(["SGD", "Adam", "ClippedAdam"])
    'SGD, Adam or ClippedAdam'
    """
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)
