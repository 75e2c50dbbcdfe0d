"""What one evaluation may consume, and the counters and checks that stop it beyond that."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workflows.errors import ExpressionFailed


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are counted, so that the same expression on the same data always ends alike.

    Time is the last resort, for what is slow within all sizes.
    """

    # Seconds of processor time of one evaluation, and of each search for a regular expression.
    seconds: float = 2.0
    # Characters of one expression.
    expression_length: int = 16_384
    # Characters of one string that is rendered as a Jinja template.
    template_length: int = 262_144
    # Brackets open at the same time in one expression.
    nesting: int = 100
    # Elements that one list or lazy sequence may give.
    elements: int = 100_000
    # Elements looked at and functions called by one expression in all.
    steps: int = 5_000_000
    calls: int = 500_000
    # Bytes of one value inside an expression.
    memory: int = 64 * 1024 * 1024
    # Characters of one text inside an expression.
    text: int = 16 * 1024 * 1024
    # Characters of all long texts that one expression makes.
    texts: int = 256 * 1024 * 1024
    # Bits of one whole number; a larger one could not be written in decimal digits.
    bits: int = 14_000
    # Values in a result at all depths, and how deep they may lie.
    result_values: int = 1_000_000
    result_depth: int = 200
    # Characters of a message.
    message: int = 600


LIMITS = Limits()

_SHORT = 500
# One less than a power of two: how often the clock is looked at.
_CALLS_BETWEEN_LOOKS = 31
_ELEMENTS_BETWEEN_LOOKS = 255


class Budget:
    """Counts what one evaluation consumes; used by one thread."""

    __slots__ = ("_deadline", "_looks", "calls", "characters", "steps")

    def __init__(self) -> None:
        self._deadline = 0.0
        self._looks = 0
        self.calls = LIMITS.calls
        self.steps = LIMITS.steps
        self.characters = LIMITS.texts

    def call(self) -> None:
        self.calls -= 1
        if self.calls < 0:
            raise ExpressionFailed(f"it calls more than {LIMITS.calls} functions")
        if not self.calls & _CALLS_BETWEEN_LOOKS:
            self.check_time()

    def look(self) -> None:
        """Look at the clock now and then; for what is done often and costs little."""
        self._looks += 1
        if not self._looks & _ELEMENTS_BETWEEN_LOOKS:
            self.check_time()

    def check_time(self) -> None:
        """Refuse to go on when the time is over; it counts from the first look."""
        now = time.thread_time()
        if not self._deadline:
            self._deadline = now + LIMITS.seconds
        elif now > self._deadline:
            raise ExpressionFailed(f"it takes more than {LIMITS.seconds:g} seconds")

    def spend(self, count: int) -> None:
        self.steps -= count
        if self.steps < 0:
            raise ExpressionFailed(f"it goes through more than {LIMITS.steps} elements")

    def write(self, text: str) -> str:
        """Count a text that was made; short ones are bounded by the calls that make them."""
        self.look()
        if len(text) > _SHORT:
            check_text(len(text))
            self.characters -= len(text)
            if self.characters < 0:
                raise ExpressionFailed(f"its texts have more than {LIMITS.texts} characters in all")
        return text

    def counted(self, elements: Iterable[object]) -> Iterator[object]:
        """Pass the elements on until there are too many of them."""
        for number, element in enumerate(elements):
            if number >= LIMITS.elements:
                raise too_many_elements()
            self.spend(1)
            self.look()
            yield element


def too_many_elements() -> ExpressionFailed:
    return ExpressionFailed(f"a list has more than {LIMITS.elements} elements")


def check_text(length: int) -> None:
    """Refuse a text of this many characters before it is built."""
    if length > LIMITS.text:
        raise ExpressionFailed(f"a text has more than {LIMITS.text} characters")


def check_elements(count: int) -> None:
    """Refuse a list of this many elements before it is built."""
    if count > LIMITS.elements:
        raise too_many_elements()


def check_bits(count: float) -> None:
    """Refuse a whole number of this many bits before it is computed."""
    if count > LIMITS.bits:
        raise ExpressionFailed(f"a number has more than {LIMITS.bits} bits")


def check_repetition(left: object, right: object) -> None:
    """Refuse `left * right` when the product is too large; numbers and sequences both count."""
    if isinstance(left, int) and isinstance(right, int):
        check_bits(left.bit_length() + right.bit_length() - 1)
        return
    if isinstance(left, int):
        left, right = right, left
    if not isinstance(right, int):
        return
    if isinstance(left, str | bytes):
        check_text(len(left) * right)
    elif isinstance(left, list | tuple):
        check_elements(len(left) * right)


def check_power(base: object, exponent: object) -> None:
    """Refuse a power whose digits could not be written."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base) > 1:
        check_bits(math.log2(abs(base)) * exponent)


def check_shift(value: object, bits: object) -> None:
    """Refuse a shift to the left beyond the longest number."""
    if isinstance(value, int) and isinstance(bits, int):
        check_bits(value.bit_length() + bits)


def check_replacement(text: str, occurrences: int, replacement: str) -> None:
    """Refuse a replacement that would make the text too long."""
    check_text(len(text) + occurrences * len(replacement))


def check_nesting(text: str) -> str | None:
    """Say what is wrong with the size of an expression; None is fine."""
    if len(text) > LIMITS.expression_length:
        return f"it is longer than {LIMITS.expression_length} characters"
    if deepest(text) > LIMITS.nesting:
        return f"it has more than {LIMITS.nesting} brackets inside each other"
    return None


def deepest(text: str) -> int:
    """Count how many brackets are open at once, those inside quotes included."""
    depth = most = 0
    for character in text:
        if character in "([{":
            depth += 1
            most = max(most, depth)
        elif character in ")]}" and depth:
            depth -= 1
    return most
