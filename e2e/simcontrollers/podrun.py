"""
One pod on one node, from its binding to its end: sandbox, init containers, containers, health, stop.

It writes the pod's status, each time something in it changed, and deletes the pod once it has stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from e2e.simcontrollers import environment, mounts, objects
from e2e.simcontrollers.addresses import Addresses
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.containers import Container
from e2e.simcontrollers.health import Health
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.objects import CLAIMS, PODS, Obj
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.podstatus import conditions_of, status_of
from e2e.simcontrollers.programs import End, Program, Programs, Start
from e2e.simcontrollers.view import View
from e2e.simtime import Simulation

_RETRY = 5.0
_KILLED = End(code=137)


@attrs.frozen(kw_only=True)
class Host:
    """What all pods share: the kubelet's means."""

    client: Client
    view: View
    simulation: Simulation
    pace: Pace
    programs: Programs
    images: Images
    addresses: Addresses


class PodRun:
    """The pod *pod* on its node; *gone* is called when it has stopped and was deleted."""

    def __init__(self, host: Host, pod: Mapping[str, Any], gone: Callable[[], None]) -> None:
        self._host = host
        self._pod = pod
        self._gone = gone
        self.node = str(objects.spec(pod)["nodeName"])
        spec = objects.spec(pod)
        self._inits = [Container(definition=d, init=True) for d in spec.get("initContainers") or []]
        self._mains = [Container(definition=d, init=False) for d in spec.get("containers") or []]
        self._ip: str | None = None
        self._began = host.simulation.now
        self._claims: dict[str, str] = {}
        self.stopping = False
        # The kubelet of a lost node says nothing; set by `silence`.
        self._silent = False
        # Set when nothing of it runs any more.
        self._over = False
        self._written: Obj = {}
        self._come_up()

    @property
    def _all(self) -> list[Container]:
        return [*self._inits, *self._mains]

    def update(self, pod: Mapping[str, Any]) -> None:
        """Take note of the pod's present state in the API."""
        self._pod = pod
        if objects.terminating(pod) and not self.stopping and not self._silent:
            self._stop()

    def stop_at_once(self) -> None:
        """End everything now, without a word to the API: the pod was deleted by force."""
        self.stopping = self._over = True
        for container in self._all:
            container.forget_health()
            if container.program is not None:
                container.program.kill()
        self._release()
        self._host.programs.forget(objects.uid(self._pod))

    def silence(self) -> None:
        """The node is cut off: nothing more is written, nothing more is started."""
        self._silent = True

    def speak(self) -> None:
        """The node is back."""
        self._silent = False
        self.update(self._pod)
        self._written = {}
        self._publish()

    def power_off(self) -> None:
        """The node lost its power: its containers are gone, and so is what it would have said."""
        self._silent = True
        for container in self._all:
            container.forget_health()
            if container.program is not None:
                container.program.kill()

    def power_on(self) -> None:
        """The node is up again: what it ran starts anew, in a new sandbox."""
        self._silent = False
        self._release()
        for container in self._all:
            if container.running:
                container.end(_KILLED, self._host.simulation.now)
                container.last_state = container.state
            container.wait("PodInitializing")
        if objects.terminating(self._pod):
            self._stop()
        else:
            self._after(self._host.pace.sandbox, self._sandboxed)

    def _after(self, seconds: float, callback: Callable[[], None]) -> None:
        def if_on() -> None:
            if not self._over and not self._silent:
                callback()

        self._host.simulation.after(seconds, if_on)

    def _come_up(self) -> None:
        self._after(self._host.pace.sandbox, self._sandboxed)

    def _sandboxed(self) -> None:
        if self.stopping:
            return
        unmounted = mounts.missing(self._host.client, self._pod)
        if unmounted is not None:
            self._host.client.event(PODS, self._pod, "FailedMount", unmounted, warn=True)
            self._publish()
            self._after(_RETRY, self._sandboxed)
            return
        self._ip = self._host.addresses.take(self.node)
        self._note_claims()
        self._next()

    def _note_claims(self) -> None:
        for volume in objects.spec(self._pod).get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if name:
                claim = self._host.view.get(CLAIMS, objects.namespace(self._pod), name)
                if claim is not None:
                    self._claims[volume["name"]] = objects.uid(claim)

    def _next(self) -> None:
        """Go on with the first init container that is not done, or start the containers."""
        if self.stopping:
            return
        waiting = next((c for c in self._inits if not c.done), None)
        if waiting is not None:
            self._pull(waiting, lambda: self._run_init(waiting))
        else:
            for container in self._mains:
                if not container.running:
                    self._pull(container, lambda c=container: self._run_main(c))  # type: ignore[misc]  # mypy cannot infer defaults
        self._publish()

    def _pull(self, container: Container, then: Callable[[], None]) -> None:
        """Have the image, and go on with *then*; or wait, and try again later."""
        if self.stopping:
            return
        host = self._host
        there = host.images.present(self.node, container.image)
        always = container.definition.get("imagePullPolicy") == "Always"
        error = host.images.pull(self.node, container.image, always=always)
        if error is None:
            container.pulled()
            self._after(0.0 if there else host.pace.image_pull, then)
            return
        text = f'Failed to pull image "{container.image}": {error}'
        host.client.event(PODS, self._pod, "Failed", text, warn=True)
        container.wait("ErrImagePull", error)
        self._publish()
        delay = container.pull_back_off(host.pace)

        def back_off() -> None:
            short = f'Back-off pulling image "{container.image}"'
            container.wait("ImagePullBackOff", f"{short}: ErrImagePull: {error}")
            host.client.event(PODS, self._pod, "BackOff", short)
            self._publish()

        self._after(1.0, back_off)
        self._after(delay, lambda: self._pull(container, then))

    def _start(self, container: Container, then: Callable[[], None]) -> Start | None:
        """Return what *container* starts with; None while a reference cannot be resolved."""
        assert self._ip is not None
        host = self._host
        try:
            values = environment.resolve(
                host.client,
                self._pod,
                container.definition,
                ip=self._ip,
                host_ip=host.addresses.host(self.node),
            )
        except environment.MissingReferenceError as error:
            container.wait("CreateContainerConfigError", str(error))
            host.client.event(PODS, self._pod, "Failed", f"Error: {error}", warn=True)
            self._publish()
            self._after(_RETRY, then)
            return None
        return Start(
            pod=self._pod,
            container=container.name,
            image=container.image,
            environment=values,
            ip=self._ip,
            claims=dict(self._claims),
            restarts=container.restarts + container.ever_started,
        )

    def _run_init(self, container: Container) -> None:
        if self.stopping:
            return
        start = self._start(container, lambda: self._run_init(container))
        if start is None:
            return
        container.begin(None, self._host.simulation.now)
        self._after(self._host.pace.init_container, lambda: self._look_at_init(container, start))
        self._publish()

    def _look_at_init(self, container: Container, start: Start) -> None:
        if self.stopping:
            return
        waited = self._host.simulation.now - container.started_at
        end = self._host.programs.init(start, waited)
        if end is None:
            self._after(self._host.pace.init_poll, lambda: self._look_at_init(container, start))
            return
        self._ended(container, end, lambda: self._run_init(container))
        if end.code == 0:
            self._next()

    def _run_main(self, container: Container) -> None:
        if self.stopping or container.running:
            return
        start = self._start(container, lambda: self._run_main(container))
        if start is not None:
            self._after(self._host.pace.container_start, lambda: self._begin(container, start))

    def _begin(self, container: Container, start: Start) -> None:
        if self.stopping or container.running:
            return
        host = self._host
        program = host.programs.start(start)
        container.begin(program, host.simulation.now)
        self._watch(container, program)
        self._publish()

    def _watch(self, container: Container, program: Program | None, *, found: bool = False) -> None:
        """Look after the health of *container*, in which *program* runs from now, or was *found*."""
        run = container.run
        container.health = Health(
            self._host.simulation,
            container.definition,
            program,
            changed=self._publish,
            failed=lambda why: self._restart(container, why),
            found=found,
        )
        if program is not None:
            health = container.health
            program.on_change(health.poke)
            program.on_end(lambda end: self._main_ended(container, run, end))

    def _restart(self, container: Container, why: str) -> None:
        """Stop a container that failed its probe; it starts again when it has ended."""
        if self.stopping or self._silent or container.program is None:
            return
        self._host.client.event(PODS, self._pod, "Killing", why)
        program, run = container.program, container.run
        program.terminate()

        def kill() -> None:
            if container.run == run and container.running:
                program.kill()

        self._after(self._grace(), kill)

    def _main_ended(self, container: Container, run: int, end: End) -> None:
        if container.run != run or not container.running or self._over:
            return
        if self._silent:
            # Nobody is there to start it again before the node is back.
            container.program = None
            return
        self._ended(container, end, lambda: self._run_main(container))
        if self.stopping:
            self._check_stopped()

    def _ended(self, container: Container, end: End, again: Callable[[], None]) -> None:
        """Show the end; a container that is to run on starts again, at once or after a while."""
        host = self._host
        container.end(end, host.simulation.now)
        if self.stopping or (container.init and end.code == 0):
            self._publish()
            return
        delay = container.back_off(host.simulation.now, host.pace)
        if delay > 0:
            where = f"{objects.name(self._pod)}_{objects.namespace(self._pod)}({objects.uid(self._pod)})"
            text = f"back-off {delay:.0f}s restarting failed container={container.name} pod={where}"
            container.wait("CrashLoopBackOff", text)
            short = f"Back-off restarting failed container {container.name} in pod {where}"
            host.client.event(PODS, self._pod, "BackOff", short, warn=True)
        self._publish()
        self._after(delay, lambda: self._pull(container, again))

    def _stop(self) -> None:
        """End the pod in good order: preStop, TERM, and KILL when its time is up."""
        self.stopping = True
        alive = [c for c in self._mains if c.program is not None]
        for container in self._mains:
            # What just runs ends when told.
            if container.running and container.program is None:
                container.end(End(code=143), self._host.simulation.now)
        for container in alive:
            self._stop_container(container)
        self._after(self._grace(), self._kill_rest)
        self._check_stopped()

    def _stop_container(self, container: Container) -> None:
        program, run = container.program, container.run
        assert program is not None

        def terminate() -> None:
            if container.run == run and container.running and not self._silent:
                program.terminate()

        if (container.definition.get("lifecycle") or {}).get("preStop"):
            program.pre_stop(terminate)
        else:
            terminate()

    def _kill_rest(self) -> None:
        for container in self._mains:
            if container.program is not None:
                container.program.kill()

    def _check_stopped(self) -> None:
        """Delete the pod once all its containers have ended."""
        if self._over or any(c.running for c in self._mains):
            return
        self._over = True
        self._release()
        self._host.programs.forget(objects.uid(self._pod))
        self._host.client.delete(PODS, self._pod, grace=0)
        self._gone()

    def _grace(self) -> float:
        given = objects.meta(self._pod).get("deletionGracePeriodSeconds")
        if given is None:
            given = objects.spec(self._pod).get("terminationGracePeriodSeconds")
        return 30.0 if given is None else float(given)

    def _release(self) -> None:
        """Give the sandbox up."""
        if self._ip is not None:
            self._host.addresses.release(self._ip)
            self._ip = None

    def _publish(self) -> None:
        """Write the status, if it differs from what was written last."""
        if self._silent or self._over:
            return
        status = self._status()
        if status == self._written:
            return
        self._written = status
        conditions = conditions_of(
            self._pod,
            self._inits,
            self._mains,
            sandboxed=self._ip is not None,
            now=self._host.simulation.now,
        )
        self._host.client.patch_status(PODS, self._pod, {**status, "conditions": conditions})
        # The next set of conditions is built on this one.
        self._pod = {**self._pod, "status": {**objects.status(self._pod), "conditions": conditions}}

    def _status(self) -> Obj:
        return status_of(
            self._inits,
            self._mains,
            host_ip=self._host.addresses.host(self.node),
            ip=self._ip,
            began=self._began,
        )
