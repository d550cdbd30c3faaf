"""A live panel as a person meets it in a browser: by names on the page, and by what is painted."""

import math
import re
import time
from types import SimpleNamespace

import numpy as np


class Panel:
    """The panel on a Playwright page; `nth` counts panels from above."""

    def __init__(self, page, nth: int = 0) -> None:
        self.page = page
        self.root = page.locator(".ppl-panel").nth(nth)

    def wait(self) -> "Panel":
        self.root.locator(".ppl-desk-face").wait_for(timeout=60_000)
        self.page.wait_for_function(
            "window.pplPlots?.weighing?.series['posterior.exact']", timeout=60_000
        )
        return self

    def slider(self, label: str):
        return self.root.get_by_role("slider", name=label, exact=True)

    def box(self, label: str):
        return self.root.get_by_role("textbox", name=f"{label}, number", exact=True)

    def button(self, name: str):
        return self.root.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        self.button(name).click()

    @property
    def step(self) -> int:
        status = self.root.locator(".ppl-desk-status").text_content()
        return int(re.search(r"step ([\d,]+)/", status)[1].replace(",", ""))

    @property
    def message(self) -> str:
        return self.root.get_by_role("alert").text_content()

    def curve(self, name: str) -> SimpleNamespace:
        """Mean, sd and time of painting of a density, from the points that are on the screen."""
        painted = self.page.evaluate(
            """(uid) => { const { x, y, t } = window.pplPlots.weighing.series[uid];
                          return { x: [...x], y: [...y], t }; }""",
            f"posterior.{name}",
        )
        x, y = np.array(painted["x"]), np.array(painted["y"])
        mass = np.trapezoid(y, x)
        mean = np.trapezoid(x * y, x) / mass
        return SimpleNamespace(
            mean=mean, sd=math.sqrt(np.trapezoid((x - mean) ** 2 * y, x) / mass), t=painted["t"]
        )

    def kl(self) -> float:
        """KL(learned || exact) in nats of the two painted curves, both of them normal."""
        q, p = self.curve("learned"), self.curve("exact")
        return math.log(p.sd / q.sd) + (q.sd**2 + (q.mean - p.mean) ** 2) / (2 * p.sd**2) - 0.5

    def drag(self, label: str, share: float, pauses: float = 0.0) -> float:
        """Drag a handle by mouse to a share of its way; the value where it was let go."""
        handle = self.slider(label)
        handle.scroll_into_view_if_needed()
        rail, way = handle.bounding_box(), self.way(label)
        y = rail["y"] + rail["height"] / 2
        self.page.mouse.move(rail["x"] + 9 + way * (rail["width"] - 18), y)
        self.page.mouse.down()
        for part in np.linspace(way, share, 24):
            self.page.mouse.move(rail["x"] + 9 + part * (rail["width"] - 18), y)
            time.sleep(pauses)
        self.page.mouse.up()
        return float(handle.input_value())

    def pull(self, uid: str, right: float) -> None:
        """Take hold of a ring in a picture and pull it so many pixels to the right."""
        self.root.scroll_into_view_if_needed()
        x, y = self.page.evaluate(
            """(uid) => { const { left, top, stage } = window.pplPlots.weighing.grips[uid];
                          const box = stage.getBoundingClientRect();
                          return [box.left + left, box.top + top]; }""",
            uid,
        )
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right / 2, y)
        self.page.mouse.move(x + right, y)
        self.page.mouse.up()

    def way(self, label: str) -> float:
        return self.slider(label).evaluate("(s) => (s.value - s.min) / (s.max - s.min)")

    def until(self, true, seconds: float = 30.0, what: str = "it") -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"{what} did not come about in {seconds} s"
            self.page.wait_for_timeout(50)

    def exact_is(self, guess: float, measurement: float) -> bool:
        """Whether the painted exact curve is the conjugate posterior for prior sd 1, noise 0.75."""
        exact = self.curve("exact")
        mean = (guess / 1.0 + measurement / 0.5625) / (1.0 + 1 / 0.5625)
        return abs(exact.mean - mean) < 2e-3 and abs(exact.sd - 0.6) < 2e-3
