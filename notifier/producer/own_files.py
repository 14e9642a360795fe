"""Whether files are ours alone to write: what others may write there is not trusted, and not followed."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    """Check a folder, and those of the named files in it that exist.

    Ours is what belongs to the user of this process, or to root. Root may also use the folder of another user, as
    that user may.

    Raises:
        PermissionError: somebody else may write there, or it is no regular file; says which and what to do.
        OSError: it cannot be looked at.
    """
    if not hasattr(os, "geteuid"):  # Windows has other rights
        return
    found = os.stat(folder)
    owners = {0, os.geteuid()} | ({found.st_uid} if os.geteuid() == 0 else set())
    _refuse_owner(folder, found, owners)
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise PermissionError(f"{folder}: every user may rename what is in it: chmod o-w, or name a folder below it")
    for name in names:
        path = folder / name
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"{path}: a link or no regular file, which is not followed: remove it")
        _refuse_owner(path, found, owners)
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{path}: other users may write to it: look at it, then chmod 600 or remove it")


def _refuse_owner(path: Path, found: os.stat_result, owners: set[int]) -> None:
    if found.st_uid not in owners:
        raise PermissionError(f"{path}: belongs to user {found.st_uid}, and this process to {os.geteuid()}")
