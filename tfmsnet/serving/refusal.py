"""What a graph's check says, without TensorFlow's trimmings."""

import re


def refusal(message: str) -> str:
    """The sentence in the message of a failed assertion; other messages shortened to their first line.

    TensorFlow prints an assertion's parts in brackets, numbers in brackets of their own, and around them
    the node's name: `assertion failed: [phase: expected labels ..., found] [85]\\n\\t [[{{node ...`.
    """
    found = re.search(r"assertion failed: (\[.*?)(?:\n|\[\[\{\{|$)", message)
    if found is None:
        return message.strip().split("\n")[0]
    return re.sub(r"\s+", " ", re.sub(r"[\[\]]", "", found.group(1))).strip()
