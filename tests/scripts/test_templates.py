"""Templates: what they may say, and that none reaches out, runs on or grows without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.scripts import templates
from flowise_mock.scripts.question import WORDS
from flowise_mock.scripts.templates import MAX_TEXT, TemplateError
from scripts.scripted import SUPPORT, Bot

GIVEN = {
    "question": "Why <b>?", "turn": 2, "form": {"colours": ["red", "blue"], "big": True, "none": None},
    "history": [{"role": "user", "content": "hi"}], "leadEmail": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ question }}", "Why <b>?"),
        ("{{ turn + 1 }} {{ turn > 1 and not leadEmail }}", "3 true"),
        ("{{ form.colours | join(', ') }} {{ form.big }}{{ form.none }}", "red, blue true"),
        (
            "{{ form.colours }} {{ form | tojson }}",
            '["red","blue"] {"colours":["red","blue"],"big":true,"none":null}',
        ),
        ("{{ question | replace('Why', 'How') | upper | truncate(3, true, '', 0) }}", "HOW"),
        ("{% for each in history %}{{ loop.index }}{{ each.content }}{% else %}-{% endfor %}", "1hi"),
        (
            "{{ form.size | default('M') }} {{ 'a' if turn == 2 else 'b' }} {{ question[:3] ~ '!' }}",
            "M a Why!",
        ),
        ("{% raw %}{{ question }}{% endraw %}{# said so #}\n", "{{ question }}\n"),
    ],
)
def test_what_a_template_says(source: str, text: str) -> None:
    assert templates.compiled(source, WORDS)(GIVEN) == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ ''.__class__ }}", "__class__ is out of reach"),
        ("{{ question['__class__'] }}", "cannot be filled in"),
        ("{{ question | attr('__class__') }}", "there is no filter attr"),
        ("{{ question.format }}", "cannot be filled in"),
        ("{{ ''.join(history) }}", "a template has no calls"),
        ("{% for a in range(1000000000) %}{% endfor %}", "a template has no calls"),
        ("{% for a in history %}{% for b in history %}x{% endfor %}{% endfor %}", "no loop within it"),
        ("{% for a in history recursive %}{{ loop(history) }}{% endfor %}", "no loop within it"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "a template has no macro"),
        ("{% set a = question %}", "a template has no assign"),
        ("{% include 'other' %}", "a template has no include"),
        ("{% import 'os' as os %}", "a template has no import"),
        ("{{ 'x' * 1000000000 }}", "a template has no *"),
        ("{{ 9 ** 999999999 }}", "a template has no **"),
        ("{{ '%0999999999d' % 1 }}", "a template has no %"),
        ("{{ 'x' | center(1000000000) }}", "there is no filter center"),
        ("{{ lipsum(n=100000) }}", "a template has no calls"),
        ("{{ self }}", "there is no word self"),
        ("{{ questoin }}", "there is no word questoin; there are chatId, chatflow, form"),
        ("{{ form.size }}", "has no attribute 'size'"),
        ("{{ question", "is no template: unexpected end of template"),
        ("{% if %}", "is no template"),
        ("{{ question | nope }}", "there is no filter nope; there are abs, capitalize"),
        ("{{ " + "(" * 5000 + " }}", "is no template: nested too deeply"),
        ("{{ " + "1 + " * 5000 + "1 }}", "is no template: nested too deeply"),
        ("{{ form + 1 }}", "unsupported operand"),
    ],
)
def test_what_is_refused(source: str, reason: str) -> None:
    with pytest.raises(TemplateError) as refused:
        templates.compiled(source, WORDS)(GIVEN)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ question }}" * 11,
        "{% for each in question %}{{ question }}{% endfor %}",
        "{{ question | join(question) }}",
        "{{ question | replace('x', question) }}",
        "{{ question | replace('', question) }}",
    ],
)
def test_what_grows_without_end_is_stopped(source: str) -> None:
    with pytest.raises(TemplateError, match=f"more than {MAX_TEXT} characters"):
        templates.compiled(source, WORDS)({"question": "x" * (MAX_TEXT // 10)})


def test_a_rule_that_cannot_be_filled_in_says_so(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{name: size, answer: 'size {{ form.size }}'}]")
    refused = bot.post(SUPPORT, question="x", chatId="c")
    assert refused.status_code == 500
    assert refused.json()["error"] == (
        "Rule 0.yaml:1 (size) of the script cannot answer: 'size {{ form.size }}' cannot be filled in: "
        "'dict object' has no attribute 'size'"
    )
    (error, told), _ = bot.stream(SUPPORT, question="x", chatId="c")
    assert (error, "Rule 0.yaml:1 (size)" in told) == ("error", True)
    assert bot.messages(SUPPORT, chatId="c") == []


def test_what_a_client_sends_is_no_template(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{answer: 'you said {{ question }}'}]")
    assert bot.ask(SUPPORT, question="{{ chatId }}")["text"] == "you said {{ chatId }}"
