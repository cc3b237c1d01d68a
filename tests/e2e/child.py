"""Programs that do not outlive the test that started them, however it ends: by an exception in setUpClass, whose tearDownClass nobody calls then, or by kill -9."""

# The kernel kills it when its parent's thread ends: start it in a thread that lasts. What changes its user afterwards has to say so again.
TIE = ["setpriv", "--pdeathsig", "KILL"]


def tied(command):
    """The command that runs command so; its pid is the one that is started."""
    return [*TIE, *command]
