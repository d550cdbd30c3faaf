"""The live plot: several plots in one widget, fed by one small message a frame.

**The stage** (axes, titles, still curves, annotations, zoom) is plotly's; its figures are plain
plotly dicts. **Live traces** are drawn by a canvas of ours on plotly's axes. A trace says so in
its `meta`, which plotly itself ignores (`theme.trace` and `theme.layout` write all of this):

- `uid`: its name in the frames, unique in the widget; `meta["live"]`: True, drawn from frames;
- `meta["role"]`: a role of `theme`, from which the browser takes colours for light or dark;
- `meta["label"]`: `{"text": ..., "at": "peak"|"left"|"right"|"start"|"end"|"inside"}`;
- `mode`, `line.width`, `line.dash`, `opacity`, `marker.size`, `marker.maxdisplayed`, `fill`
  ("tozeroy" or "toself") and `fillpattern.shape` ("/": hatched) mean what they mean in plotly;
- role "mark": vertical ticks with a word each; its frame entry is (x, words);
- `meta["grip"]`: `{"x": control}` and its like, see `theme.grip`: a ring that moves sliders. It
  tells the page's desk by an event of the page, "ppl-move", and no word of it comes here.

A layout's `title.text` is heading and tab, its `meta` may hold `alt`, `grow` and `key`.

**A frame** is a mapping uid -> (x, y) of numbers of equal length; NaN breaks a line. Only arrays
that changed travel, as float32. **Texts** go with it: "status" (right of the title), a plot's name
(the caption under it), "label:UID" (replaces a direct label), "alt:PLOT" (what a screen reader says
of it), "summary" (spoken politely; change it seldom).

**Views** acknowledge what they have painted (see `pacing`). `draw` always keeps the newest state
and sends it at once if a view is ready for it, else with the next acknowledgement; a view that is
new, reloaded or shown again receives the state as it is then. Plotly's script is asked for once a
page and sent compressed; until it has arrived the canvas draws axes of its own.

**Threads.** Messages come from the page on any thread. A lock guards the state; what `on_ready`
is given is called on the thread of the message, without the lock, and should only wake somebody.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from time import monotonic
from typing import Any, TypeAlias

import anywidget
import numpy as np
import numpy.typing as npt
import traitlets

from ppl_widgets import theme
from ppl_widgets.pacing import Pacing
from ppl_widgets.picture import picture
from ppl_widgets.plotlyjs import plotly_script, plotly_version

Figure: TypeAlias = Mapping[str, Any]
Points: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike | Sequence[str]]

_STATIC = files("ppl_widgets") / "static"
_SCRIPTS = ("paint.js", "stage.js", "store.js", "panel.js", "plot.js")


@dataclass(slots=True, frozen=True)
class _Curve:
    """What a live trace shows: float32 numbers as bytes, or words at x."""

    x: bytes
    y: bytes
    words: tuple[str, ...] | None = None


class LivePlot(anywidget.AnyWidget):
    """Named plots side by side, redrawn by frames; the first is the main one.

    Args:
        figures: name -> plotly figure dict, as in the module's text.
        title: the heading over all plots; empty for none.
        label: a short name for tests and screen readers.

    Example:
        >>> curve = theme.trace("exact", "p.exact", [0, 1], [0, 1])
        >>> plot = LivePlot({"p": {"data": [curve], "layout": theme.layout(
        ...     "p", x_range=(0, 1), y_range=(0, 1))}}, label="demo")
        >>> plot.draw({"p.exact": ([0, 1], [1, 0])})     # kept, but nobody looks
        False
        >>> plot.close()

    Raises:
        ValueError: on a live trace without a uid, or with one that is taken.
    """

    _esm = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = (_STATIC / "plot.css").read_text(encoding="utf-8")
    _start = traitlets.Any(None).tag(sync=True, to_json=lambda _, plot: plot._whole())

    def __init__(self, figures: Mapping[str, Figure], title: str = "", label: str = "plot") -> None:
        self._lock = threading.RLock()
        if not figures:
            raise ValueError("a LivePlot needs at least one figure: LivePlot({'name': {...}})")
        self.title, self.label = title, label
        self._pace = Pacing(monotonic())
        self._callbacks: list[Callable[[], None]] = []
        self._stages: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, str] = {}
        self._curves: dict[str, _Curve] = {}
        self._texts: dict[str, str] = {}
        self._new_stages: set[str] = set()
        self._new_parts: dict[str, tuple[bool, bool]] = {}
        self._new_texts: set[str] = set()
        for name, figure in figures.items():
            self._set_stage(name, *self._read_stage(name, figure))
        super().__init__(layout={"width": "100%"})
        self.on_msg(self._heard)

    # ---- what the rest of the program calls

    def draw(
        self,
        frame: Mapping[str, Points],
        texts: Mapping[str, str] | None = None,
        figures: Mapping[str, Figure] | None = None,
    ) -> bool:
        """Keep this as the newest state; True if a message with what changed left at once.

        Args:
            frame: uid -> (x, y) of live traces; those left out stay as they are.
            texts: as in the module's text; those left out stay as they are.
            figures: whole new figures for some of the plots (seldom: plotly redraws them).

        Raises:
            ValueError: on an unknown uid, text or plot, or x and y of different length. Nothing
                has been changed then.
        """
        with self._lock:
            if self.comm is None:
                return False
            for name in figures or {}:
                self._check_plot(name)
            stages = {name: self._read_stage(name, fig) for name, fig in (figures or {}).items()}
            known = self._curves | {u: c for _, some in stages.values() for u, c in some.items()}
            curves = {uid: _read_curve(known, uid, *points) for uid, points in frame.items()}
            self._check_texts(texts or {}, known)
            for name, (stage, still) in stages.items():
                self._set_stage(name, stage, still)
            for uid, curve in curves.items():
                self._set_curve(uid, curve)
            for key, text in (texts or {}).items():
                if self._texts.get(key, "") != text:
                    self._texts[key] = text
                    self._new_texts.add(key)
            return self._flush()

    @property
    def ready(self) -> bool:
        """Whether a frame would leave at once: somebody looks and nobody lags behind."""
        with self._lock:
            return self.comm is not None and self._pace.ready(monotonic())

    @property
    def seen(self) -> bool:
        """Whether some view looks: it is on a screen and answers its frames."""
        with self._lock:
            return self.comm is not None and self._pace.seen(monotonic())

    @property
    def unseen_for(self) -> float:
        """Seconds since a view was last heard of; 0 while one looks."""
        with self._lock:
            return self._pace.unseen_for(monotonic())

    @property
    def frames(self) -> int:
        """How many frames have been sent."""
        return self._pace.sent

    @property
    def texts(self) -> dict[str, str]:
        """The texts as they stand."""
        with self._lock:
            return dict(self._texts)

    def on_ready(self, callback: Callable[[], None], remove: bool = False) -> None:
        """Call back, on any thread, whenever a frame may have become possible."""
        with self._lock:
            self._callbacks = [known for known in self._callbacks if known != callback]
            if not remove:
                self._callbacks.append(callback)

    def knock(self) -> None:
        """Ask whether anybody looks; call it about once a second while nobody does."""
        with self._lock:
            if self.comm is not None:
                self.send({"op": "knock"})

    def picture(self, name: str | None = None, width: int = 640, key: bool = True) -> bytes:
        """A PNG of a plot (the main one) in its newest state, for where no browser draws."""
        with self._lock:
            chosen = name or next(iter(self._stages))
            self._check_plot(chosen)
            stage = self._stages[chosen]
            points = {
                uid: (np.frombuffer(c.x, np.float32), np.frombuffer(c.y, np.float32))
                for uid, c in self._curves.items()
                if self._owners[uid] == chosen and c.words is None
            }
        return picture(stage, points, width, key)

    def close(self) -> None:
        """Free the widget's comm and its layout's; the views go from their pages."""
        with self._lock:
            if self.comm is not None:
                self._callbacks = []
                self.on_msg(self._heard, remove=True)
                self.layout.close()
                super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = self._plain()
            bundle[0]["image/png"] = base64.b64encode(self.picture()).decode()
        return bundle

    def _plain(self) -> str:
        lines = [" · ".join(t for t in (self.title, self._texts.get("status", "")) if t)]
        lines += [f"{name}: {self._texts[name]}" for name in self._stages if self._texts.get(name)]
        lines.append(self._texts.get("summary", ""))
        return "\n".join(line for line in lines if line) or f"LivePlot of {_names(self._stages)}"

    # ---- keeping the newest state (with the lock held)

    def _check_plot(self, name: str) -> None:
        if name not in self._stages:
            raise ValueError(f"no plot {name!r}; there are {_names(self._stages)}")

    def _read_stage(self, name: str, figure: Figure) -> tuple[dict[str, Any], dict[str, _Curve]]:
        """A figure as JSON without the numbers of its live traces, and these by uid."""
        stage = plain_json(figure)
        curves: dict[str, _Curve] = {}
        for trace, given in zip(stage.get("data", ()), figure.get("data", ()), strict=True):
            if not trace.get("meta", {}).get("live"):
                continue
            uid = trace.get("uid")
            if not uid:
                raise ValueError(f"plot {name!r}: a live trace needs a uid: {trace.get('name')!r}")
            if uid in curves or self._owners.get(uid, name) != name:
                raise ValueError(f"plot {name!r}: uid {uid!r} is taken; each trace needs its own")
            words = trace["meta"].get("role") == "mark"
            curves[uid] = _encoded(uid, given.get("x", ()), given.get("y", ()), words)
            trace["x"], trace["y"] = [], []
        return stage, curves

    def _set_stage(self, name: str, stage: dict[str, Any], curves: dict[str, _Curve]) -> None:
        for uid in [uid for uid, owner in self._owners.items() if owner == name]:
            del self._owners[uid], self._curves[uid]
            self._new_parts.pop(uid, None)
        self._stages[name] = stage
        self._new_stages.add(name)
        self._owners |= dict.fromkeys(curves, name)
        self._curves |= curves
        self._new_parts |= dict.fromkeys(curves, (True, True))

    def _set_curve(self, uid: str, curve: _Curve) -> None:
        if uid not in self._curves:  # its figure has just been replaced by one without it
            return
        old = self._curves[uid]
        changed_x, changed_y = self._new_parts.get(uid, (False, False))
        changed_x = changed_x or curve.x != old.x
        changed_y = changed_y or curve.y != old.y or curve.words != old.words
        if changed_x or changed_y:
            self._new_parts[uid] = (changed_x, changed_y)
            self._curves[uid] = curve

    def _check_texts(self, texts: Mapping[str, str], curves: Mapping[str, _Curve]) -> None:
        for key in texts:
            kind, colon, what = key.partition(":")
            known = {"label": curves, "alt": self._stages}.get(kind, ())
            if not (what in known if colon else key in ("status", "summary", *self._stages)):
                raise ValueError(
                    f"no place for the text {key!r}; there are status, summary, "
                    f"{_names(self._stages)}, label:UID and alt:PLOT"
                )

    # ---- sending (with the lock held)

    def _flush(self) -> bool:
        """Send what changed, if anything did and a view is ready for it."""
        if not (self._new_stages or self._new_parts or self._new_texts):
            return False
        now = monotonic()
        if not self._pace.ready(now):
            return False
        series, buffer = self._packed(self._new_parts)
        content: dict[str, Any] = {
            "op": "frame",
            "seq": self._pace.frame(now),
            "series": series,
            "texts": {key: self._texts[key] for key in self._new_texts},
        }
        if self._new_stages:
            content["figures"] = {name: self._stages[name] for name in self._new_stages}
        self._new_stages, self._new_parts, self._new_texts = set(), {}, set()
        self.send(content, [buffer])
        return True

    def _packed(self, parts: Mapping[str, tuple[bool, bool]]) -> tuple[list[list[Any]], bytes]:
        """[uid, x length or -1, y length or -1, words] for every curve, and their numbers."""
        series, buffers = [], []
        for uid, (has_x, has_y) in parts.items():
            curve = self._curves[uid]
            buffers += [curve.x] * has_x + [curve.y] * has_y
            lengths = [len(curve.x) // 4 if has_x else -1, len(curve.y) // 4 if has_y else -1]
            series.append([uid, *lengths, curve.words])
        return series, b"".join(buffers)

    def _whole(self) -> dict[str, Any]:
        """The state as it is now: what a page receives with the widget, or when it asks."""
        with self._lock:
            series, buffer = self._packed(dict.fromkeys(self._curves, (True, True)))
            return {
                "op": "state",
                "seq": self._pace.sent,
                "series": series,
                "numbers": buffer,
                "texts": dict(self._texts),
                "figures": dict(self._stages),
                "title": self.title,
                "label": self.label,
                "theme": theme.front(),
                "plotly": plotly_version(),
            }

    def _send_whole(self) -> None:
        whole = self._whole()
        self.send(whole, [whole.pop("numbers")])

    # ---- listening (on any thread)

    def _heard(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        """Take one message of a view: hello, here, away, gone, ack, or a wish."""
        now = monotonic()
        match content:
            case {"want": "plotly", "page": page}:
                script = plotly_script()
                with self._lock:
                    if self.comm is not None:
                        self.send({"op": "plotly", "page": page}, [script])
                return
            case {"gone": view}:
                with self._lock:
                    self._pace.gone(view)
                return
            case {"away": view, "word": word}:
                with self._lock:
                    self._pace.away(view, now, word)
                return
        with self._lock:
            if self.comm is None:
                return
            match content:
                case {"want": "state"}:
                    self._send_whole()
                case {"hello": view, "word": word, "have": seq}:
                    self._pace.here(view, now, word)
                    if seq != self._pace.sent:
                        self._send_whole()
                case {"here": view, "word": word}:
                    self._pace.here(view, now, word)
                case {"ack": seq, "id": view}:
                    self._pace.acknowledge(view, seq, now)
            self._flush()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()


def _read_curve(
    known: Mapping[str, _Curve], uid: str, x: npt.ArrayLike, y: npt.ArrayLike | Sequence[str]
) -> _Curve:
    if uid not in known:
        raise ValueError(f"no live trace {uid!r}; there are {_names(known)}")
    return _encoded(uid, x, y, known[uid].words is not None)


def _encoded(uid: str, x: npt.ArrayLike, y: npt.ArrayLike | Sequence[str], words: bool) -> _Curve:
    across = np.asarray(x, np.float32)
    if words:
        said = tuple(str(word) for word in np.asarray(y, object).tolist())
        if across.shape != (len(said),):
            raise ValueError(f"marks {uid!r}: x has shape {across.shape}, but {len(said)} words")
        return _Curve(across.tobytes(), b"", said)
    up = np.asarray(y, np.float32)
    if across.ndim != 1 or across.shape != up.shape:
        raise ValueError(
            f"curve {uid!r}: x has shape {across.shape}, y has {up.shape}; "
            "give two rows of the same length"
        )
    return _Curve(across.tobytes(), up.tobytes())


def plain_json(value: Any) -> Any:
    """The same figure in lists, dicts and numbers that JSON knows; what is not finite is None."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(part) for key, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_json(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_json(part) for part in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
