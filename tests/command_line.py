"""The command line, called as from a shell."""

from priorlab.cli import main


def run(capsys, *arguments):
    """Run a command and return its exit code and what it printed: output, errors."""
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out, output.err
