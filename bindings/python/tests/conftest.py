# SPDX-License-Identifier: MIT
import errno
import faulthandler
import os
import subprocess
import sys
import textwrap

import pytest
import shmemq

# A test that hangs ends the run, and says where.
faulthandler.enable(file=sys.__stderr__)


@pytest.fixture(autouse=True)
def watchdog():
    faulthandler.dump_traceback_later(120, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def name(request):
    """A name that no other test uses."""
    name = f"/shmemq-test-python-{os.getpid()}-{request.node.name.replace('/', '-')[:100]}"
    yield name
    try:
        shmemq.unlink(name)
    except shmemq.NotFound:
        pass


@pytest.fixture
def ends(name):
    with shmemq.Producer(name, create=True) as producer, shmemq.Consumer(name) as consumer:
        yield producer, consumer


@pytest.fixture
def program():
    """Starts programs; their standard input and output are pipes."""
    started = []

    def start(text, *arguments):
        process = subprocess.Popen([sys.executable, "-c", "import os, shmemq, signal, sys, threading, time\n" +
                                    textwrap.dedent(text), *arguments],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process
    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(condition):
    """The watchdog ends what never comes."""
    import time
    while not condition():
        time.sleep(0.001)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Other programs of the user may have all the inotify instances."""
    outcome = yield
    try:
        outcome.get_result()
    except shmemq.Error as error:
        if error.errno == errno.EMFILE:
            pytest.skip("no inotify instance is left")
