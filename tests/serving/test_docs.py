"""The snippets of docs/serving.md do what they say, against a server at a free port."""

import json
import re
import urllib.request
from pathlib import Path

from tfmsnet.references.registry import REDUCED
from tfmsnet.serving.quantities import SUMMARY
from tfmsnet.serving.reduced_scores import table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "serving.md").read_text()


def snippet(marker):
    """The fenced block after a comment."""
    return re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL).group(1)


def test_the_client(server, capsys):
    code = snippet("client").replace("grpc://localhost:8500/cathode", server.grpc_url)
    variables = {}
    exec(compile(code, "serving.md", "exec"), variables)
    assert variables["fields"].concentration.shape == (5, 16, 16, 12)
    assert variables["sample"].frames == 25
    printed = capsys.readouterr().out
    assert all(f"{quantity.name} " in printed for quantity in SUMMARY)
    assert "C-rate: 8, trained on 1 to 2" in printed


def test_plain_http(server):
    body = re.search(r"-d '(.*)'", snippet("rest"), re.DOTALL).group(1)
    url = server.rest_url.replace("/cathode", "/v1/models/cathode:predict")
    outputs = json.load(urllib.request.urlopen(urllib.request.Request(url, body.encode())))["outputs"]
    assert len(outputs["voltage_v"][0]) == 25
    rows = {"instances": [{name: value[0] for name, value in json.loads(body)["inputs"].items()}]}
    request = urllib.request.Request(url, json.dumps(rows).encode())
    (prediction,) = json.load(urllib.request.urlopen(request))["predictions"]
    assert prediction["voltage_v"] == outputs["voltage_v"][0]


def test_the_summary_is_explained():
    assert all(f"`{quantity.name}`" in PAGE for quantity in SUMMARY)


def test_the_results_are_those_of_the_cards():
    results = (DOCS / "results.md").read_text()
    for model in REDUCED:
        assert "\n".join(table(model)) in results
