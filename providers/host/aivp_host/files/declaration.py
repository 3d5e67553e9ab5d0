"""What a `file` may declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Literal, Optional, Union

from aivp_sdk import attribute


@dataclass
class Line:
    """One line of a file that others own."""

    line: Optional[str] = attribute("The line, without its end.")
    state: Literal["present", "absent"] = attribute("Whether such a line stands in the file.", default="present")
    regexp: Optional[str] = attribute(
        "Lines that match are replaced by `line`, or removed (Python's syntax, searched)."
    )
    search: Optional[str] = attribute("The same for lines that hold this text.")
    insert_after: Optional[str] = attribute("A new line goes behind the line that matches, or EOF.")
    insert_before: Optional[str] = attribute("A new line goes before the line that matches, or BOF.")
    first_match: bool = attribute("Of several matching lines the first counts, not the last.", default=False)
    backrefs: bool = attribute(
        "Groups of `regexp` are filled into `line`; without a match nothing is added.", default=False
    )


@dataclass
class Block:
    """Lines between two markers in a file that others own."""

    name: str = attribute("Tells the block apart in its file.", required=True)
    content: str = attribute("The lines; nothing removes the block with its markers.", required=True, text=True)
    insert_after: Optional[str] = attribute("A new block goes behind the line that matches, or EOF.")
    insert_before: Optional[str] = attribute("A new block goes before the line that matches, or BOF.")
    marker: str = attribute(
        "The marker lines: {mark} is BEGIN or END, {name} the name.", default="# {mark} aivp: {name}"
    )


@dataclass
class File:
    """The declaration."""

    path: str = attribute(
        "Where it lies; a link there is the thing itself.", required=True, semantic="path", exposed=True
    )
    state: Literal["file", "directory", "link", "absent"] = attribute("What shall be there.", default="file")
    content: Optional[str] = attribute(
        "The whole content.", text=True, content={"source": "source", "template": "template", "vars": "vars"}
    )
    source: Optional[str] = attribute("A file of the project that holds the content.", write_only=True)
    template: Optional[Union[str, Dict[str, str]]] = attribute(
        "A Jinja template of the project that makes the content, or {inline: text}.", write_only=True
    )
    vars: Optional[Dict[str, Any]] = attribute("What the template may use.", write_only=True)
    target: Optional[str] = attribute("Where a link points, as it stands in the link.", exposed=True)
    owner: Optional[str] = attribute("User, by name or number.", exposed=True)
    group: Optional[str] = attribute("Group, by name or number.", exposed=True)
    mode: Optional[str] = attribute('Permissions, such as "0644" or "u=rw,g=r,o=".', semantic="mode", exposed=True)
    create_parents: bool = attribute("Folders above that are missing are made (0755).", default=False)
    force: bool = attribute("Replace or remove what is of another type or not empty.", default=False)
    backup: bool = attribute("Keep previous content beside as NAME.aivp-backup.", default=False)
    backup_directory: Optional[str] = attribute("Where backups go instead.", semantic="path", exposed=True)
    validate: Optional[List[str]] = attribute(
        "A command that checks new content; %s is a copy of it.", min_items=1, exposed=True
    )
    lines: Optional[List[Line]] = attribute("Lines to keep in a file that others own, in this order.")
    blocks: Optional[List[Block]] = attribute("Blocks to keep in a file that others own, after the lines.", key="name")
    create: bool = attribute("Where there is no file to edit, make one.", default=False)
    recurse: bool = attribute("Owner and group hold for everything beneath a directory, too.", default=False)
    file_mode: Optional[str] = attribute(
        "With recurse: permissions of the files beneath.", semantic="mode", exposed=True
    )
    directory_mode: Optional[str] = attribute(
        "With recurse: permissions of the directories beneath.", semantic="mode", exposed=True
    )
    purge: bool = attribute("Remove from the directory what `keep` and `ignore` do not name.", default=False)
    keep: Optional[List[str]] = attribute(
        "Paths beneath, relative or absolute, that stay with all they hold; what others declare there stays anyway.",
        beneath={"capability": "path", "when": {"purge": True}},
    )
    ignore: Optional[List[str]] = attribute("Globs of names, or of relative paths where they hold a /, left alone.")
    max_entries: int = attribute("Refuse a directory that holds more.", default=10_000, minimum=1)
    unmanaged: Optional[List[str]] = attribute("Only shown in plans: what will be removed.", set=True)
    deviating: Optional[List[str]] = attribute("Only shown in plans: what `recurse` will mend.", set=True)

    @property
    def is_edit(self) -> bool:
        """True where parts of the file are declared, not all of it."""
        return self.lines is not None or self.blocks is not None
