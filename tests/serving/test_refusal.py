"""Messages of failed assertions, as runtimes print them, cut down to what a client needs."""

import pytest

from tfmsnet.serving.transports import refusal

SENTENCE = "phase: expected labels 0 (electrolyte), 1 (AM) and 2 (CBD), found 85"
PARTS = "[phase: expected labels 0 (electrolyte), 1 (AM) and 2 (CBD), found] [85]"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"assertion failed: {PARTS}\n\t [[{{{{node Assert_4/AssertGuard/Assert}}}}]]", SENTENCE),
        (
            f"Graph execution error:\n\nassertion failed: {PARTS}\n\t [[{{{{node A}}}}]] [Op:__inference_1]",
            SENTENCE,
        ),
        (f"assertion failed: {PARTS} [[{{{{node A}}}}]]", SENTENCE),
        (f"assertion failed: {PARTS}", SENTENCE),
        ("failed to connect\nmany details", "failed to connect"),
        ("", ""),
    ],
)
def test_the_sentence_alone(message, expected):
    assert refusal(message) == expected
