"""The optimiser race."""

MESSAGES = {
    "racing.title": "Das Rennen der Optimierer",
    "label.taken": "Antwort",
    "help.taken": "Was als Antwort zählt: der letzte Schritt, oder ein Mittel der letzten",
    "racing.told": "KL {sgd} mit SGD, {momentum} mit Momentum, {adam} mit Adam, in Nats, "
    "{source}. {ready} von 3 liegen unter {good}.",
    "racing.ball": "Rauschball von SGD: SD {known}",
    "racing.asking": "1,000 andere Seeds werden befragt",
    "racing.asked": "SD von a über {runs} Seeds: SGD {sgd}, Momentum {momentum}, Adam {adam}",
    "drawer.racing": "Vermutung · Messung · Rauschen · Prior · Schritte",
    "plot.paths": "Wege",
    "plot.left": "KL",
    "axis.log_b": "log b",
    "axis.log_kl": "KL (Nats)",
    "trace.sgd": "SGD, Momentum 0.1",
    "trace.momentum": "SGD, Momentum 0.9",
    "trace.adam": "Adam",
    "trace.contours": "gleiche KL",
    "trace.good": "0.02",
    "caption.half_life": "halber Weg bei Schritt {known}",
    "caption.half_life_seen": "· gemessen {seen}",
    "alt.paths": "Mittel und Log-SD des Guides unterwegs, über Höhenlinien der KL. {summary}",
    "alt.course": "Das Mittel des Guides je Schritt; der halbe Weg ist bei Schritt {known} getan.",
    "alt.left": "Die KL in Nats je Schritt. {summary}",
    "predict.racing": "Du bist dran: Bei welchem Schritt hat SGD den halben Weg?",
    "label.predict.racing": "Halbwertszeit, in Schritten",
}
