"""Keys are UUIDs of version 7 that rise."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from caluma_async.keys import uuid7


def test_a_key_is_a_uuid_of_version_7() -> None:
    key = uuid7()
    assert (key.version, key.variant) == (7, "specified in RFC 4122")


def test_a_key_starts_with_the_moment_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = uuid7().int >> 80
    assert before <= milliseconds <= time.time_ns() // 1_000_000 + 1


def test_keys_of_one_process_rise() -> None:
    keys = [uuid7() for _ in range(10_000)]
    assert keys == sorted(set(keys))


def test_keys_of_many_threads_are_different() -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: uuid7(), range(5_000)))
    assert len(set(keys)) == len(keys)


_FORK = """
import os
from caluma_async.keys import uuid7
uuid7()
end, begin = os.pipe()
if not os.fork():
    os.write(begin, uuid7().bytes[8:])
    os._exit(0)
print(uuid7().bytes[8:] != os.read(end, 8))
"""


def test_the_random_part_is_not_the_same_on_both_sides_of_a_fork() -> None:
    assert subprocess.check_output([sys.executable, "-c", _FORK], text=True, timeout=60).strip() == "True"
