"""What a password must be, over what the directory itself demands. Pure."""

from __future__ import annotations

from functions.identity.errors import WeakPassword

SHORTEST = 12
BY_PLAN = {"business": 14, "enterprise": 16}
"""The least length by the plan of the organisation, where it is more than everybody's."""
TOO_COMMON = 4
"""A password that is a common word with so few other letters is that word."""
WORDS = frozenset(
    """
    password passwort passwrd letmein welcome willkommen qwerty qwertz azerty asdfgh zxcvbn abc abcd abcdef abcdefg
    iloveyou monkey dragon sunshine princess football baseball superman batman master shadow michael jennifer
    trustno ninja mustang access admin administrator root guest login secret changeme default test testing temp
    temporary hello summer winter spring autumn fall january february march april june july august september october
    november december monday tuesday wednesday thursday friday saturday sunday security palisade company corporate
    qwertyuiop asdfghjkl zxcvbnm qazwsx qazwsxedc starwars pokemon charlie jordan hunter soccer hockey liverpool
    arsenal chelsea computer internet google facebook samsung freedom whatever cookie pepper ginger flower
    """.split()  # noqa: SIM905 - a list of this length is read as text
)
LEET = str.maketrans("013457$@!8", "oieastsaib")


def demand_strong(password: str, email: str, plan: str = "free") -> None:
    """Raises WeakPassword for one that is too short for the plan, or that lists of common passwords begin with."""
    shortest = max(SHORTEST, BY_PLAN.get(plan, SHORTEST))
    if len(password) < shortest:
        raise WeakPassword(f"A password here has at least {shortest} characters.")
    if len(set(password)) < 6:
        raise WeakPassword("The password repeats a few characters.")
    name = email.partition("@")[0].lower()
    if len(name) >= TOO_COMMON and name in password.lower():
        raise WeakPassword("The password contains the address it is for.")
    core = _core(password)
    if not core or core in WORDS or _halved(core) in WORDS:
        raise WeakPassword("The password is a common one with digits or signs around it.")


def _core(password: str) -> str:
    """The letters, with digits and signs that stand for letters read as such; none around them."""
    stripped = password.lower().strip("0123456789^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ")
    return "".join(letter for letter in stripped.translate(LEET) if letter.isalpha())


def _halved(core: str) -> str:
    """A word that is written twice is that word."""
    middle = len(core) // 2
    return core[:middle] if core[:middle] == core[middle:] else core
