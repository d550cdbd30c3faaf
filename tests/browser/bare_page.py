"""A live plot on a page without Jupyter: the test carries the messages between the two by hand.

It is quick (no server, no kernel), and nothing moves but when the test says so: `pump` hands over
what has been said on both sides, `until` pumps until the page shows what was asked for.
"""

import base64
import time

PAGE = """<!doctype html><meta charset="utf-8"><style>%(css)s</style>
<body style="margin: 8px; background: white"><div id="view"></div></body>"""

CONNECT = """async ([esm, state]) => {
    const view = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
    state.numbers = view(state.numbers);
    window.said = [];
    let tell;
    const model = {
        get: () => state,
        on: (_, heard) => { tell = heard; },
        off: () => { tell = () => {}; },
        send: (message) => window.said.push(message),
    };
    window.hear = (messages) => {
        for (const [content, buffers] of messages) tell(content, buffers.map(view));
    };
    const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
    window.widget = (await import(url)).default();
    window.away = [window.widget.initialize({ model })];
    window.show = (el) => window.away.unshift(window.widget.render({ model, el }));
    window.show(document.getElementById("view"));
}"""


class BarePage:
    """A browser page and the plot it shows."""

    def __init__(self, page):
        self.page = page
        self.plot = None
        self.heard = []  # what the page has said
        self._sent = []

    def show(self, plot):
        """Open a fresh page with this plot."""
        self.plot = plot
        plot.send = lambda content, buffers=(): self._sent.append((content, list(buffers)))
        state = plot.get_state()["_start"]
        state["numbers"] = self._text(state["numbers"])
        self.page.goto("about:blank")
        self.page.set_content(PAGE % {"css": plot._css})
        self.page.evaluate(CONNECT, [plot._esm, state])

    def pump(self):
        """Hand over what has been said on both sides so far."""
        for content in self.page.evaluate("() => window.said.splice(0)"):
            self.heard.append(content)
            message = {"content": {"data": {"method": "custom", "content": content}}}
            self.plot._handle_msg(message | {"buffers": []})
        sent, self._sent = self._sent, []
        if sent:
            messages = [[content, [self._text(b) for b in buffers]] for content, buffers in sent]
            self.page.evaluate("(messages) => window.hear(messages)", messages)

    def until(self, expression, argument=None, seconds=60):
        """Pump until an expression holds in the page.

        Raises:
            TimeoutError: if it does not within so many seconds.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump()
            if self.page.evaluate(expression, argument):
                return
            self.page.wait_for_timeout(20)
        raise TimeoutError(f"not within {seconds} s: {expression} with {argument!r}")

    def painted(self, step):
        """Wait until this step stands under the main plot and nothing is on its way."""
        self.until(
            "(text) => document.querySelector('.ppl-main .ppl-caption')?.textContent === text",
            f"after {step} steps",
        )
        self.until(
            "(seq) => [...window.pplPlots.demo.store.views].some((v) => v.acknowledged === seq)"
            " && !window.said.length",
            self.plot.frames,
        )

    def staged(self):
        """Wait until plotly has drawn every stage that is visible."""
        self.until(
            """() => [...document.querySelectorAll('.ppl-stage')].every((stage) =>
                !stage.offsetWidth || stage.querySelector('.xtick'))"""
        )
        self.page.wait_for_timeout(150)

    def colour_at(self, name, x, y):
        """The canvas's colour, [r, g, b, a], at a place in a plot's own units."""
        return self.page.evaluate(COLOUR_AT, [name, x, y])

    @staticmethod
    def _text(data):
        return base64.b64encode(data).decode()


COLOUR_AT = """([name, x, y]) => {
    const box = [...document.querySelectorAll('.ppl-fig')]
        .find((one) => one.querySelector('.ppl-fig-name').textContent === name);
    const { xaxis, yaxis } = box.querySelector('.ppl-plotly')._fullLayout;
    const canvas = box.querySelector('canvas');
    const [left, top] = [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
    const ratio = canvas.width / canvas.clientWidth;
    const dot = new OffscreenCanvas(1, 1).getContext('2d');
    dot.drawImage(canvas, -Math.floor(left * ratio), -Math.floor(top * ratio));
    return [...dot.getImageData(0, 0, 1, 1).data];
}"""


def is_like(colour, wanted, within=40):
    """Whether a pixel is nearly of this colour, and not see-through."""
    pairs = zip(colour, wanted, strict=False)
    return colour[3] > 200 and all(abs(have - want) < within for have, want in pairs)
