"""The examples at the end of each `--help`. A test parses every one of them."""

EXAMPLES = {
    "serve": """\
  flowise-mock serve                                  the seed, on http://127.0.0.1:3000
  flowise-mock serve --flowise 3.1.4 --empty          a Flowise 3.1.4 without records
  flowise-mock serve --script support.yaml --strict   answers by rules, and by nothing else
  FLOWISE_MOCK_PORT=0 flowise-mock serve              a free port

environment: FLOWISE_MOCK_HOST, _PORT, _CONTRACT, _SCRIPT, _API_KEY, _CONTROL_TOKEN, if no flag is given; then
host, port, contract, script and api-key of [tool.flowise-mock] in pyproject.toml, or of .flowise-mock.toml""",
    "script": """\
  flowise-mock script support.yaml                    check a file of rules
  flowise-mock script --flowise 3.1.4 support.yaml    against the contract of a version
  flowise-mock script --schema                        the JSON Schema, for an editor""",
    "proxy": """\
  flowise-mock proxy http://127.0.0.1:3000                    on http://127.0.0.1:3100
  flowise-mock proxy https://flowise.example.com --flowise 3.1.4 --report junit=proxy.xml
  flowise-mock proxy http://127.0.0.1:3000 --port 0 -- npm test   until that ends""",
    "departures": """\
  flowise-mock departures                             of the default contract
  flowise-mock departures --contract documented       of the documentation alone""",
    "contract": """\
  flowise-mock contract                                 the default contract as YAML
  flowise-mock contract --flowise 3.1.4 --format json   that of a version as JSON""",
    "changes": """\
  flowise-mock changes 3.0.5 3.1.4                    what an upgrade changes
  flowise-mock changes 3.0.5 3.1.4 --used app.har     and what of it an application uses
  flowise-mock changes documented 3.1.4 --format md   as a page""",
    "replay": """\
  flowise-mock replay flow.jsonl http://127.0.0.1:3000 --api-key flowise-mock
  flowise-mock replay flow.jsonl http://127.0.0.1:3000 --at-least 95 --format json""",
    "record": """\
  flowise-mock record http://127.0.0.1:3000 --api-key KEY --out flow.jsonl""",
    "learn": """\
  flowise-mock learn http://127.0.0.1:3000 --api-key KEY --from 3.1.4 --out flowise-3.1.2.yaml
  flowise-mock learn --recording flowise-3.1.2.jsonl --from 3.1.4 --out flowise-3.1.2.yaml""",
    "conform": """\
  flowise-mock conform http://127.0.0.1:3000 --api-key flowise-mock
  flowise-mock conform https://flowise.example.com --api-key KEY --flowise 3.1.4""",
    "matrix": """\
  flowise-mock matrix one.json two.json --md matrix.md""",
    "lint": """\
  flowise-mock lint openapi.yaml
  flowise-mock lint openapi.yaml --fix fixes.yaml     an overlay of what is safe to fix
  flowise-mock lint openapi.yaml --format sarif       for code scanning""",
    "doctor": """\
  flowise-mock doctor
  FLOWISE_MOCK_PORT=8080 flowise-mock doctor""",
}
