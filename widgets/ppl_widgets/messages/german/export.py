"""Pages without a kernel."""

MESSAGES = {
    "page.trained": "In dieser Seite trainiert: {num_steps} Schritte in {time} ms bei jedem Zug.",
    "page.drawn": "In dieser Seite gezogen: {num} Ziehungen in {time} ms.",
    "page.missing": "Nicht in dieser Seite: {names}.",
    "page.no_envelope": "Angehalten: Über einen so schmalen Guide passt keine Hülle. Ein größeres "
    "b?",
    "page.recorded": "Vorberechnet: {settings} Einstellungen und ein Lauf; die nächste wird "
    "gezeigt.",
    "page.away": "Bei anderen Einstellungen aufgenommen. Drücke {again}, um den Lauf zu sehen.",
    "page.stopped": "Schritt {step}: Der nächste Verlust ist nicht endlich. Eine kleinere "
    "Lernrate?",
    "page.shown.train": "Schritt",
    "page.shown.draw": "Ziehung",
    "page.again": "Aufgenommener Lauf",
    "page.help.again": "Die Regler dorthin stellen, wo der Lauf aufgenommen wurde",
    "page.help.play": "Den Lauf Schritt für Schritt zeigen; noch einmal drücken für Pause",
    "page.help.step": "Den nächsten Schritt zeigen",
    "page.help.step100": "Hundert Schritte weiter",
    "page.help.same": "Denselben Lauf noch einmal beginnen",
    "page.help.new": "Mit dem nächsten Seed trainieren",
    "page.help.back": "50 Schritte zurück",
    "page.help.frame": "Das nächste Bild zeigen",
    "page.help.before": "Das Bild davor zeigen",
    "page.button.before": "Zurück",
    "page.help.shown": "Wie weit der Lauf gezeigt ist",
    "save.writing": "Die Seite wird geschrieben ...",
    "save.done": "Gesichert als {name}, neben dem Notebook.",
    "save.voila": "In einer Vorführung wird nichts gesichert. Öffne das Notebook und sichere dort.",
    "save.locked": "Nicht gesichert: {folder} nimmt keine Dateien an. Das Notebook in einen "
    "eigenen Ordner legen?",
    "save.failed": "Nicht gesichert: {reason}.",
    "page.index": "PPL Playground",
    "page.lead": "Notebooks zum Lesen und Panels zum Anfassen, ohne Kernel.",
    "page.way.top": "Notebooks",
    "page.way.end": "Notebooks, am Ende",
    "page.all": "Alle Notebooks",
    "page.no_script": "Die Panels brauchen JavaScript.",
    "page.still": "Dieses Panel braucht einen Kernel: Führe sein Notebook aus.",
}
