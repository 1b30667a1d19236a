"""
Reach a port of a pod from here, on any cluster that a kubeconfig leads to.

`kubectl port-forward` does it; this only starts it, learns the local port, and ends it again. It says
what kubectl said when it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import re
import subprocess
import threading

_LINE = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@contextlib.contextmanager
def forward(kubeconfig: str, namespace: str, pod: str, port: int, *, seconds: float = 15) -> Iterator[int]:
    """Yield a port of 127.0.0.1 that leads to *port* of *pod*.

    Raises `RuntimeError` if kubectl does not say within *seconds* that it forwards.
    """
    command = [
        "kubectl", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}",
        "port-forward", "--address=127.0.0.1", f"pod/{pod}", f":{port}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        # Ends the read below when kubectl hangs.
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            timer.cancel()
            found = _LINE.search(first)
            if found is None:
                raise RuntimeError(f"cannot reach port {port} of {pod}: {first.strip() or 'no answer'}")
            # kubectl writes a line for each connection; unread, the pipe would fill and stop it.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield int(found[1])
        finally:
            timer.cancel()
            process.terminate()
            process.wait(5)
