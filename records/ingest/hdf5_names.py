"""Datasets of HDF5 files by name, through links, from the file's own folder alone."""

from pathlib import Path

import h5py

from tfmsnet.errors import UserError


def dataset(file: h5py.File, name: str, folder: Path) -> h5py.Dataset:
    """A dataset of a name such as "results/c", with or without a leading slash, through links of every kind.

    Raises:
        UserError: there is none of the name; it is a group; its values lie outside of the folder.
    """
    found = item(file, name, folder)
    if not isinstance(found, h5py.Dataset):
        inner = ", ".join(list(found)[:12]) or "nothing"
        raise UserError(f"dataset {name}: is a group, which holds {inner}; name one of these")
    return found


def item(file: h5py.File, name: str, folder: Path) -> h5py.Dataset | h5py.Group:
    """A dataset or group of a name.

    Raises:
        UserError: there is none of the name; its values lie outside of the folder.
    """
    place: h5py.Group | h5py.Dataset = file
    for part in filter(None, name.split("/")):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None:
            raise UserError(f"dataset {name} is missing; found {', '.join(names(file)) or 'none'}")
        if isinstance(link, h5py.ExternalLink):
            _beside(link.filename, name, folder)
        try:
            place = place[part]
        except KeyError as error:
            raise UserError(f"dataset {name}: its link {part} leads nowhere: {error}") from None
        # A soft link may itself have led through a link to another file.
        if Path(place.file.filename).resolve() != Path(file.filename).resolve():
            _beside(place.file.filename, name, folder)
    if isinstance(place, h5py.Dataset):
        for source in place.external or ():
            _beside(source[0], name, folder)
        for source in place.virtual_sources() if place.is_virtual else ():
            if source.file_name != ".":
                _beside(source.file_name, name, folder)
    return place


def names(file: h5py.File) -> list[str]:
    """Names of all datasets but those behind links."""
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def _beside(other: str | bytes, name: str, folder: Path) -> None:
    other = other.decode() if isinstance(other, bytes) else other
    if not (folder / other).resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"dataset {name}: its values lie in {other}, outside of the file's folder; copy them there"
        )
    if (folder / other).exists() and not (folder / other).is_file():  # a pipe would be waited for
        raise UserError(f"dataset {name}: its values lie in {other}, expected a file")
