"""What a program of ours says with --help, as data. Its help is made from its option tables, so whatever is made of this is, too."""
import re
import subprocess
from dataclasses import dataclass, field

OPTION = re.compile(r"^  (?:-(\w), |    )?--([\w-]+)(?: (\S+))?\s+(\S.*)$")
COMMAND = re.compile(r"^  ([a-z]+)(?: ([a-z]\S*))?((?: [<\[][^>\]]*[>\]])*)\s+(\S.*)$")
CHOICES = re.compile(r"^((?:\w+, )*\w+) or (\w+)(?: \([^)]*\))?$")
PATHS = {"path", "file", "store", "copy", "rules", "scenario", "dir"}


def text(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


@dataclass
class Option:
    letter: str
    name: str
    value: str  # "" for a switch
    help: str

    @property
    def flags(self):
        return ([f"-{self.letter}"] if self.letter else []) + [f"--{self.name}"]

    @property
    def choices(self):
        match = CHOICES.match(self.help) if self.value else None
        return [*match[1].split(", "), match[2]] if match else []

    @property
    def kind(self):
        """What a shell may offer for its value: file, directory, words, any; or switch."""
        if not self.value:
            return "switch"
        if self.choices:
            return "words"
        return {"FILE": "file", "PATH": "file", "DIRECTORY": "directory"}.get(self.value, "any")


@dataclass
class Command:
    noun: str
    verb: str
    arguments: str
    summary: str
    options: list = field(default_factory=list)
    example: str = ""

    @property
    def words(self):
        return f"{self.noun} {self.verb}".strip()

    @property
    def takes_paths(self):
        return bool(PATHS & set(re.findall(r"[<\[](\w+)", self.arguments)))


def options_of(help_text):
    return [Option(*(part or "" for part in match.groups())) for match in map(OPTION.match, help_text.splitlines()) if match]


def section_of(help_text, title):
    """The lines beneath a title of the help."""
    match = re.search(rf"^{title}:[ \t]*\n((?:  .*\n?)+)", help_text, re.M)
    return [line.strip() for line in match[1].splitlines()] if match else []


def commands_of(program):
    """Those of a program that has them; [] of one that has options alone."""
    usage = text(program, "--help")
    block = re.search(r"^Commands:\n((?:  .*\n)+)", usage, re.M)
    commands = []
    for line in block[1].splitlines() if block else []:
        noun, verb, arguments, summary = (part or "" for part in COMMAND.match(line).groups())
        help_text = text(program, noun, *verb.split(), "--help")
        commands.append(Command(noun, verb, arguments.strip(), summary, options_of(help_text), "\n".join(section_of(help_text, "Example"))))
    return commands


def version_of(program):
    match = re.search(r"\d+\.\d+\.\d+", text(program, "--version") or text(program, "version"))
    return match[0] if match else "?"
