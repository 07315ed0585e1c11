"""The package's exceptions: each says what was wrong, where, what was expected and the nearest choice."""


class InsulaeError(Exception):
    """A mistake in what the user asked for; `hint` tells how to mend it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}. {self.hint}" if self.hint else message


class UnknownName(InsulaeError):
    """A name that no table, family or catalogue knows."""


class InvalidQuantity(InsulaeError):
    """A number with a missing, unknown or incompatible unit, or outside its range."""


class InvalidStudy(InsulaeError):
    """A study file that cannot be read as a study; the message carries the path inside the file."""


class IncompatibleNumbers(InsulaeError):
    """Clinic numbers that no simulated patient can show together; the message names them."""


class TableError(InsulaeError):
    """A row of a table that breaks the rules of the table."""


class RunError(InsulaeError):
    """A run that could not be completed or a result folder that cannot be used."""


class InvalidData(InsulaeError):
    """A file of a person's own data that cannot be read or does not say what is needed."""
