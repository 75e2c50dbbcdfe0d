"""Which user the database server runs as, and a small launcher that becomes this user.

PostgreSQL refuses to run as root. Root's folders are often closed to others, so the launcher
keeps the one capability to pass and read closed folders instead of opening them. It is run as a
script and imports nothing of the project.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path

# The first of these users that exists runs the database server when we are root.
SERVER_USERS = ("postgres", "nobody")

# Numbers of the Linux kernel interface: prctl(2), capabilities(7).
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The operating system user of the database server."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give a file or folder to the user; does nothing when we are not root."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def own_all(self, folder: Path) -> None:
        """Give a folder with all in it to the user, if it is somebody else's.

        It has been copied, or the first of the users has come to this machine since. The folder
        itself comes last, so that what is interrupted begins anew.
        """
        if os.geteuid() != 0 or folder.stat().st_uid == self.uid:
            return
        for place, _, files in os.walk(folder, topdown=False):
            for path in (*(os.path.join(place, name) for name in files), place):
                os.lchown(path, self.uid, self.gid)

    def launcher(self) -> list[str]:
        """Return what to put before a command so that it runs as this user.

        Empty when we are that user.
        """
        if os.geteuid() != 0:
            return []
        return [sys.executable, "-S", "-E", __file__, str(self.uid), str(self.gid)]


def find_server_user() -> ServerUser:
    """Return ourselves, or for root the user to become."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid())
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    raise RuntimeError(f"PostgreSQL cannot run as root, and none of {SERVER_USERS} exists")


def become(uid: int, gid: int) -> None:
    """Change to the user for good, and keep the capability to pass closed folders if we have it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    # Else access(2), by which PostgreSQL finds its programs, forgets the capability of this user.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    wanted = 1 << CAP_DAC_OVERRIDE
    # Two sets of effective, permitted, inheritable: capabilities 0 to 31 and 32 to 63.
    sets = (ctypes.c_uint32 * 6)(wanted, wanted, wanted, 0, 0, 0)
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606
