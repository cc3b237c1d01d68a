#!/usr/bin/env python3
"""Completions of a shell for a program, of what its --help says: make_completions.py bash|zsh|fish PROGRAM OUTPUT."""
import re
import sys

from help_text import commands_of, options_of, text


def quote(words):
    return "'" + words.replace("'", "'\\''") + "'"


def identifier(name):
    return re.sub(r"\W", "_", name)


# bash: one function. What stands before the cursor is an option's value, a command's word, or an argument.

# Only what is a path is completed as one: else a word that happens to be a folder's name as well would get a slash. Without a line that is edited compopt fails.
BASH_PATHS = 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen {} -- "$current")'
BASH_VALUES = {"file": BASH_PATHS.format("-f"), "directory": BASH_PATHS.format("-d"), "any": ":"}


def bash_words(words):
    return f'mapfile -t COMPREPLY < <(compgen -W {quote(" ".join(words))} -- "$current")'


def bash(name, commands, options):
    flags_of = lambda some: [flag for option in some for flag in option.flags]
    lines = [f"# bash completion for {name}, made of its --help", f"_{identifier(name)}() {{", '\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}',
             "\tCOMPREPLY=()", "\tcase $previous in"]
    every = {option.name: option for command in commands for option in command.options} if commands else {option.name: option for option in options}
    for option in every.values():
        if option.kind != "switch":
            lines.append(f"\t{'|'.join(option.flags)}) {bash_words(option.choices) if option.choices else BASH_VALUES[option.kind]}; return ;;")
    lines.append("\tesac")
    if commands:
        lines += ["\tif ((COMP_CWORD == 1)); then", "\t\t" + bash_words(dict.fromkeys(command.noun for command in commands)), "\t\treturn", "\tfi"]
        lines += ["\tcase ${COMP_WORDS[1]} in"]
        for noun in dict.fromkeys(command.noun for command in commands if command.verb):
            verbs = [command.verb for command in commands if command.noun == noun]
            lines.append(f"\t{noun}) if ((COMP_CWORD == 2)); then {bash_words(verbs)}; return; fi ;;")
        lines += ["\tesac", '\tcase "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in']
        for command in commands:
            pattern = quote(command.words) if command.verb else quote(command.words + " ") + "*"
            arguments = BASH_VALUES["file" if command.takes_paths else "any"]
            lines.append(f"\t{pattern}) if [[ $current == -* ]]; then {bash_words(flags_of(command.options))}; else {arguments}; fi ;;")
        lines.append("\tesac")
    else:
        lines.append("\t" + bash_words(flags_of(options)))
    return lines + ["}", f"complete -F _{identifier(name)} {name}"]


# zsh: specifications for _arguments.

def zsh_option(option):
    action = {"file": "_files", "directory": "_files -/", "words": f"({' '.join(option.choices)})", "any": " ", "switch": None}[option.kind]
    about = re.sub(r"([\[\]:\\])", r"\\\1", option.help)
    tail = f"[{about}]" + (f":{option.value.replace(':', chr(92) + ':')}:{action}" if action is not None else "")
    if len(option.flags) == 1:
        return quote(option.flags[0] + tail)
    return f"'({' '.join(option.flags)})'{{{','.join(option.flags)}}}{quote(tail)}"


def zsh_arguments(options, rest):
    return "_arguments -s -S " + " ".join([zsh_option(option) for option in options] + ([quote("*: :" + rest)] if rest else []))


def zsh_described(words):
    return " ".join(quote(f"{word}:{about.replace(':', chr(92) + ':')}") for word, about in words)


def zsh(name, commands, options):
    lines = [f"#compdef {name}", f"# zsh completion for {name}, made of its --help", f"_{identifier(name)}() {{"]
    if not commands:
        return lines + ["\t" + zsh_arguments(options, ""), "}", f'_{identifier(name)} "$@"']
    nouns = {}
    for command in commands:
        nouns.setdefault(command.noun, command.summary if not command.verb else ", ".join(other.verb for other in commands if other.noun == command.noun))
    lines += ["\tlocal -a offered", f"\tif ((CURRENT == 2)); then offered=({zsh_described(nouns.items())}); _describe -t commands command offered; return; fi",
              "\tcase ${words[2]} in"]
    for noun in dict.fromkeys(command.noun for command in commands if command.verb):
        verbs = zsh_described((command.verb, command.summary) for command in commands if command.noun == noun)
        lines.append(f"\t{noun}) if ((CURRENT == 3)); then offered=({verbs}); _describe -t commands command offered; return; fi ;;")
    lines += ["\tesac", '\tcase "${words[2]} ${words[3]}" in']
    for command in commands:
        skipped = 2 if command.verb else 1
        pattern = f"({quote(command.words)})" if command.verb else f"({quote(command.words + ' ')}*)"
        arguments = zsh_arguments(command.options, "_files" if command.takes_paths else " ")
        lines.append(f"\t{pattern} shift {skipped} words; ((CURRENT -= {skipped})); {arguments} ;;")
    return lines + ["\tesac", "}", f'_{identifier(name)} "$@"']


# fish: one line for each thing that can be offered, with the condition on which it is.

def fish_option(name, option, condition):
    takes = {"file": " -rF", "directory": " -xa '(__fish_complete_directories)'", "words": f" -xa {quote(' '.join(option.choices))}", "any": " -x", "switch": ""}[option.kind]
    letter = f" -s {option.letter}" if option.letter else ""
    return f"complete -c {name}{condition}{letter} -l {option.name}{takes} -d {quote(option.help)}"


def fish(name, commands, options):
    lines = [f"# fish completion for {name}, made of its --help"]
    if not commands:
        return lines + [f"complete -c {name} -f"] + [fish_option(name, option, "") for option in options]
    test = f"__{identifier(name)}_is"
    lines += [f"function {test} # WORD... : whether the line begins so; with '' at the end: and has no more",
              "\tset -l words (commandline -opc)[2..]", "\tset -l wanted $argv", "\tif test \"$argv[-1]\" = ''", "\t\tset wanted $argv[1..-2]",
              "\t\ttest (count $words) -eq (count $wanted); or return", "\tend", "\ttest (count $words) -ge (count $wanted); or return",
              "\tfor i in (seq (count $wanted))", "\t\ttest \"$words[$i]\" = \"$wanted[$i]\"; or return", "\tend", "end"]
    lines.append(f"complete -c {name} -f")
    nouns = {}
    for command in commands:
        nouns.setdefault(command.noun, command.summary if not command.verb else ", ".join(other.verb for other in commands if other.noun == command.noun))
    lines += [f"complete -c {name} -n \"{test} ''\" -a {noun} -d {quote(about)}" for noun, about in nouns.items()]
    for command in commands:
        condition = f" -n '{test} {command.words}'"
        if command.verb:
            lines.append(f"complete -c {name} -n \"{test} {command.noun} ''\" -a {command.verb} -d {quote(command.summary)}")
        if command.takes_paths:
            lines.append(f"complete -c {name}{condition} -F")
        lines += [fish_option(name, option, condition) for option in command.options]
    return lines


def main():
    shell, program, output = sys.argv[1:]
    name, commands = program.rsplit("/", 1)[-1], commands_of(program)
    options = options_of(text(program, "--help"))
    if not commands and not options:
        sys.exit(f"{program} --help says nothing")
    with open(output, "w") as file:
        file.write("\n".join({"bash": bash, "zsh": zsh, "fish": fish}[shell](name, commands, options)) + "\n")


if __name__ == "__main__":
    main()
