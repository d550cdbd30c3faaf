"""The gallery: what each panel asks."""

MESSAGES = {
    "gallery.title": "PPL Playground",
    "gallery.open": "Open {title}",
    "gallery.back": "All panels",
    "gallery.as": "open as",
    "gallery.plain": "it comes",
    "gallery.full": "Full screen",
    "gallery.small": "Leave full screen",
    "gallery.ScalePanel": "A guess and a reading: where does the guide go?",
    "gallery.ForwardPanel": "One program, run often: how do its readings spread?",
    "gallery.ConditionPanel": "Keep the runs that agree: what is left?",
    "gallery.LookPanel": "You see 10, or you set 10: what comes next?",
    "gallery.ProposalPanel": "One guide proposes: how many draws are good?",
    "gallery.ContractPanel": "A guide breaks its promise: who notices?",
    "gallery.StorePanel": "You move the start: why does nothing happen?",
    "gallery.ElboPanel": "The loss is noisy: what is it made of?",
    "gallery.RacePanel": "Three optimisers, one noise: who arrives, who wanders?",
    "gallery.UsePanel": "A limit of 10: what does the posterior decide?",
    "gallery.NoFormulaPanel": "Two hills, one bump: what does the guide hide?",
    "gallery.ManyPanel": "Ten thousand readings: how sure may you be?",
    "gallery.EncoderPanel": "One guide for all readings: what has it never seen?",
}
