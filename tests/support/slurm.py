"""A private SLURM on this machine, for tests: munged, slurmctld and slurmd of its own.

It needs the programs of Debian's packages slurm-wlm and munge, and nothing else: no root, no running service, no fixed
port, no file outside a directory of its own. By hand, until the end of the input (Ctrl-D):

    python tests/support/slurm.py --nodes 2 --cpus 4      # prints a directory; put it first on PATH
"""

import argparse
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sacct", "sacctmgr", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun", "sshare")
SEARCH_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin"  # that of a user may lack sbin
PATIENCE = 120  # s, for steps that take a second on an idle machine

CONFIGURATION = """\
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={directory}/munge.socket
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/%n.pid
JobCompType=jobcomp/filetxt
JobCompLoc={directory}/finished-jobs.log
# Control groups need privileges that users and containers may lack.
ProctrackType=proctrack/linuxproc
# Nodes have the resources given below, whatever the machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# A job that asks for no memory would take all of it, and nothing would run beside it.
DefMemPerCPU=100
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
KillWait=2
ReturnToService=2
# Finished jobs are remembered until the tests are over.
MinJobAge=86400
# MPICH names shared memory by the job: a job must not have the number of an earlier one that was killed.
FirstJobId={first_job}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName=node{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=64000\n"


def missing_programs() -> list[str]:
    """Return the programs that have to be installed before a private SLURM can run."""
    return [program for program in (*DAEMONS, *CLIENTS) if shutil.which(program, path=SEARCH_PATH) is None]


@contextmanager
def private_slurm(nodes: int, cpus: int) -> Iterator[Path]:
    """Run a SLURM of ``nodes`` nodes with ``cpus`` cores each; yield the directory of its commands, to go on PATH.

    The SLURM ends with this process, even if that is killed: another process keeps the daemons, and stops them when the
    pipe to it closes. Raises a RuntimeError if they do not start; their messages are then on stderr.
    """
    with subprocess.Popen(
        [sys.executable, __file__, f"--nodes={nodes}", f"--cpus={cpus}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests, whose end closes the pipe
    ) as keeper:
        assert keeper.stdout is not None
        commands = keeper.stdout.readline().strip()
        if not commands:
            raise RuntimeError("the private SLURM does not start")
        yield Path(commands)


@contextmanager
def _daemons(nodes: int, cpus: int) -> Iterator[Path]:
    """Start the daemons, yield the directory of the commands, stop the jobs and the daemons."""
    daemons: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        # A daemon ends with this process also where nothing more can be done here, as after SIGKILL.
        command = ("setpriv", "--pdeathsig", "TERM", *command)
        with (directory / "messages.log").open("ab") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PATH": SEARCH_PATH})
        daemons.append(daemon)
        stack.callback(_stop, daemon)

    def wait_until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline or any(daemon.poll() is not None for daemon in daemons):
                sys.exit((directory / "messages.log").read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.05)

    with ExitStack() as stack:
        # Not below TMPDIR, which may be long: the path of a socket has at most 107 bytes.
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")))
        directory.chmod(0o755)  # as munge wants it
        configuration = _configure(directory, nodes, cpus)
        commands = _wrap_clients(directory / "bin", configuration)
        munge_socket = directory / "munge.socket"
        files = [f"--{name}-file={directory / f'munge.{name}'}" for name in ("key", "seed", "pid", "log")]
        start("munged", "--foreground", f"--socket={munge_socket}", *files)
        wait_until(munge_socket.exists)
        start("slurmctld", "-D", "-f", str(configuration))
        for number in range(1, nodes + 1):
            start("slurmd", "-D", "-f", str(configuration), "-N", f"node{number}")
        stack.callback(_cancel_jobs, commands)
        sinfo = [str(commands / "sinfo"), "--noheader", "--states=idle", "--format=%D"]
        wait_until(lambda: _output(*sinfo) == str(nodes))
        yield commands


def _configure(directory: Path, nodes: int, cpus: int) -> Path:
    """Write what the daemons read; return the main file."""
    key = directory / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    host, user = socket.gethostname().split(".")[0], pwd.getpwuid(os.getuid()).pw_name
    port, *node_ports = _free_ports(1 + nodes)
    first_job = random.randrange(1, 50_000_000)
    text = CONFIGURATION.format(directory=directory, host=host, user=user, port=port, first_job=first_job)
    for number, node_port in enumerate(node_ports, start=1):
        text += NODE.format(number=number, host=host, port=node_port, cpus=cpus)
    configuration = directory / "slurm.conf"
    configuration.write_text(text, encoding="utf-8")
    # slurmd loads a plugin for control groups even where nothing uses one.
    version = tuple(int(part) for part in _output("slurmd", "-V").split()[-1].split(".")[:2])
    plugin = "disabled" if version >= (23, 11) else "cgroup/v1"
    (directory / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n", encoding="utf-8")
    return configuration


def _wrap_clients(directory: Path, configuration: Path) -> Path:
    """Make commands that know this SLURM; an environment variable would not do, as Snakemake's jobs drop SLURM_*."""
    directory.mkdir()
    for client in CLIENTS:
        program = shutil.which(client, path=SEARCH_PATH)
        wrapper = directory / client
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {program} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
    return directory


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [each.getsockname()[1] for each in sockets]


def _cancel_jobs(commands: Path) -> None:
    """End all jobs, and wait until their processes are gone."""
    user = pwd.getpwuid(os.getuid()).pw_name
    _output(str(commands / "scancel"), f"--user={user}")
    deadline = time.monotonic() + PATIENCE
    while _output(str(commands / "squeue"), "--noheader") and time.monotonic() < deadline:
        time.sleep(0.05)


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _output(*command: str) -> str:
    """Return the output of a command, which is empty if it fails."""
    environment = os.environ | {"PATH": SEARCH_PATH}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return answer.stdout.strip()


def main() -> None:
    """Run a private SLURM until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1, help="number of nodes (default: 1)")
    parser.add_argument("--cpus", type=int, default=2, help="cores per node (default: 2)")
    options = parser.parse_args()
    if missing := missing_programs():
        sys.exit(f"not installed: {', '.join(missing)}; on Debian: apt-get install slurm-wlm munge")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with _daemons(options.nodes, options.cpus) as commands:
        print(commands, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
