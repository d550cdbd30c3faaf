"""The gallery: what each panel asks."""

MESSAGES = {
    "gallery.title": "PPL Playground",
    "gallery.open": "{title} öffnen",
    "gallery.back": "Alle Panels",
    "gallery.as": "öffnen als",
    "gallery.plain": "wie es kommt",
    "gallery.full": "Vollbild",
    "gallery.small": "Vollbild verlassen",
    "gallery.ScalePanel": "Eine Vermutung und ein Messwert: Wohin geht der Guide?",
    "gallery.ForwardPanel": "Ein Programm, oft ausgeführt: Wie streuen seine Messwerte?",
    "gallery.ConditionPanel": "Behalte die Läufe, die passen: Was bleibt?",
    "gallery.LookPanel": "Du siehst 10, oder du setzt 10: Was kommt als Nächstes?",
    "gallery.ProposalPanel": "Ein Guide schlägt vor: Wie viele Ziehungen sind gut?",
    "gallery.ContractPanel": "Ein Guide bricht sein Versprechen: Wer merkt es?",
    "gallery.StorePanel": "Du bewegst den Start: warum geschieht nichts?",
    "gallery.ElboPanel": "Der Verlust rauscht: Woraus besteht er?",
    "gallery.RacePanel": "Drei Optimierer, ein Rauschen: Wer kommt an, wer irrt umher?",
    "gallery.UsePanel": "Eine Grenze von 10: Was entscheidet der Posterior?",
    "gallery.NoFormulaPanel": "Zwei Hügel, eine Glocke: Was verbirgt der Guide?",
    "gallery.ManyPanel": "Zehntausend Messwerte: Wie sicher darfst du sein?",
    "gallery.EncoderPanel": "Ein Guide für alle Messwerte: Was hat er nie gesehen?",
}
