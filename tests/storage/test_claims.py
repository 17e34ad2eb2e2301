"""Builders on machines that share a folder, in every order that hypothesis thinks of; stopped, woken, killed."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmark.storage.claims import Place, appeared, built
from benchmark.storage.leases import HeldError, LostError
from tests.shared_disk import Machine, Server, fresh

PLACE = Place("cache", "fit", "0123456789abcdef" * 4)
EPOCHS = 4
MACHINES = 3
WHOLE = {"history", "weights"}
BLOWS = 8


class Grid:
    """Machines that want one artefact, and what is true at every instant."""

    def __init__(self) -> None:
        self.server = Server(checks=[self.whole, self.one_owner])
        self.machines = [Machine(self.server, f"m{number}") for number in range(MACHINES)]
        self.trained: list[int] = []
        self.blows = self.losses = 0
        self.there = False
        for machine in self.machines:
            machine.begin(lambda machine=machine: self.build(machine))
        self.server.entries |= {"cache": True, "cache/objects": True, "cache/objects/fit": True}

    def build(self, machine: Machine) -> None:
        """Until it is there, as `Store.build` does it."""
        machine.turn()
        while not appeared(machine, PLACE.artefact):
            try:
                built(machine, PLACE, fresh(machine.name), lambda folder, lease: self.make(machine, folder, lease))
            except HeldError:
                machine.turn()

    def make(self, machine: Machine, folder: str, lease) -> None:
        """A training with a checkpoint after every epoch, as `benchmark.models.checkpoints` writes them."""
        own = PLACE.checkpoints_of(lease.name)
        done = max((int(one[6:]) for one in machine.names(own) if not one.endswith(".tmp")), default=0)
        for epoch in range(done + 1, EPOCHS + 1):
            if lease.lost:
                raise LostError
            self.trained.append(epoch)
            for left in (one for one in machine.names(own) if one.endswith(".tmp")):
                machine.delete(f"{own}/{left}")
            machine.make_in(f"{own}/epoch-{epoch}.tmp")
            machine.note(f"{own}/epoch-{epoch}.tmp/after-{epoch}-of-{lease.name}")
            machine.move(f"{own}/epoch-{epoch}.tmp", f"{own}/epoch-{epoch}")
            if epoch > 1:
                machine.delete(f"{own}/epoch-{epoch - 1}")
        for name in sorted(WHOLE):
            machine.note(f"{folder}/{name}")

    def whole(self) -> None:
        """The artefact is whole or not there, and stays once it is."""
        found = PLACE.artefact in self.server.entries
        assert found or not self.there, "an artefact was lost"
        self.there = found
        assert not found or set(self.server.names(PLACE.artefact)) == WHOLE, "half an artefact"

    def one_owner(self) -> None:
        """No two owners have written into a checkpoint."""
        for folder in self.server.names("cache/partial/fit"):
            for epoch in self.server.names(f"cache/partial/fit/{folder}"):
                assert len(self.server.names(f"cache/partial/fit/{folder}/{epoch}")) <= 1, "two owners' checkpoints"

    def play(self, rng: random.Random) -> None:
        """Let it all happen: who is at it goes on for a while, then comes another, a blow or a silence."""
        while not all(one.over or one.killed for one in self.machines):
            awake = [one for one in self.machines if not (one.over or one.killed or one.stopped)]
            asleep = [one for one in self.machines if one.stopped]
            if asleep and (not awake or rng.random() < 0.15):
                rng.choice(asleep).stopped = False
                continue
            machine = rng.choice(awake)
            for _ in range(rng.choice((1, 1, 2, 5, 20))):
                self.pass_s(rng.random() * 5)
                if not machine.over:
                    machine.step()
            if machine.held and rng.random() < 0.5 and not machine.over and self.blows < BLOWS:
                self.blows += 1
                kills = rng.random() < 0.3 and len(awake) + len(asleep) > 1
                machine.killed, machine.stopped = kills, not kills
            if rng.random() < 0.2:
                self.pass_s(100)
        for machine in self.machines:
            if not machine.over:
                machine.step()  # it ends at once

    def pass_s(self, seconds: float) -> None:
        while seconds > 0:
            self.server.clock += min(seconds, 5)
            seconds -= 5
            for machine in self.machines:
                machine.beat()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.1, 0.4]))
@example(2_147_483_649, 0.1)  # the reply to a new lease is lost, and its owner sleeps until that is taken over
def test_whatever_happens_in_whatever_order_there_is_one_whole_artefact_and_little_is_trained_twice(seed, loses):
    rng, grid = random.Random(seed), Grid()
    grid.server.loses = lambda: rng.random() < loses
    grid.play(rng)
    assert grid.there
    assert len(grid.trained) <= EPOCHS + grid.blows
