"""Killing servers under load, again and again."""

from __future__ import annotations

import random

from tests.acceptance.fleet import Fleet, Verdict, busy, port_of


def kill_servers(fleet: Fleet, kills: int, clients: int = 8) -> Verdict:
    """Kill one server after the other. Mostly the next one runs already, and finds what the dead one had in hand.

    Every fourth time nobody is left, and the next one is started afterwards.
    """
    server = fleet.open()
    traffic = busy(server, clients)
    for number in range(kills):
        fleet.wait_for_work(server, random.randint(10, 60))
        fleet.spare_the_twice_hit()
        if number % 4 == 3:
            fleet.kill(server)
            server = fleet.open()
        else:
            successor = fleet.open()
            fleet.spare_the_twice_hit()
            fleet.kill(server)
            server = successor
        traffic.ports = [port_of(server)]
    fleet.wait_for_work(server)
    traffic.stop()
    fleet.wait_until_all_is_delivered()
    fleet.stop(server)
    return fleet.judge(traffic)


def kill_worker_processes(fleet: Fleet, kills: int) -> Verdict:
    """A server of two worker processes: kill one of them, then all at once, in turn."""
    server = fleet.open("--workers", "2")
    traffic = busy(server)
    for number in range(kills):
        fleet.wait_for_work(server, random.randint(20, 60))
        fleet.spare_the_twice_hit()
        if number % 2:
            fleet.kill(server)
            server = fleet.open("--workers", "2")
            traffic.ports = [port_of(server)]
        else:
            fleet.kill_a_worker(server)
    fleet.wait_for_work(server)
    traffic.stop()
    fleet.wait_until_all_is_delivered()
    fleet.stop(server)
    return fleet.judge(traffic)
