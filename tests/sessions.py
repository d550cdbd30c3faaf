"""What tests of sessions need: a clock that waits, and a look at the track."""


class Watch:
    """A clock that only moves when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def track(session, name="a"):
    return session.history.points(name)[1].tolist()


def play_on(session):
    """Play until it stops by itself."""
    session.play()
    while session.status == "running":
        session.advance(20)
