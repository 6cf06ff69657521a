"""Templates: what they can do, and that none leaves the sandbox, runs forever or grows without limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.scripts import templates
from flowise_mock.scripts.question import VARIABLES
from flowise_mock.scripts.templates import MAX_TEXT, TemplateError
from scripts.scripted import SUPPORT, Bot

VALUES = {
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
        ("{{ 1.25 | round(1, 'floor') }} {{ 2 | round(precision=10000000000, method='ceil') }}", "1.2 2.0"),
        ("{% raw %}{{ question }}{% endraw %}{# said so #}\n", "{{ question }}\n"),
    ],
)
def test_a_template_is_rendered(source: str, text: str) -> None:
    assert templates.compile_template(source, VARIABLES)(VALUES) == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ ''.__class__ }}", "__class__ is not allowed"),
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
        ("{{ self }}", "there is no variable self"),
        ("{{ questoin }}", "there is no variable questoin; there are chatId, chatflow, form"),
        ("{{ form.size }}", "has no attribute 'size'"),
        ("{{ question", "is not a template: unexpected end of template"),
        ("{% if %}", "is not a template"),
        ("{{ question | nope }}", "there is no filter nope; there are abs, capitalize"),
        ("{{ " + "(" * 5000 + " }}", "is not a template: nested too deeply"),
        ("{{ " + "1 + " * 5000 + "1 }}", "is not a template: nested too deeply"),
        ("{{ " + "9" * 5000 + " }}", "is not a template: Exceeds the limit"),
        ("{{ 0x" + "f" * 5000 + " }}", "is not a template: Exceeds the limit"),
        ("{{ form + 1 }}", "unsupported operand"),
    ],
)
def test_a_template_is_refused(source: str, reason: str) -> None:
    with pytest.raises(TemplateError) as refused:
        templates.compile_template(source, VARIABLES)(VALUES)
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
def test_a_long_output_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match=f"more than {MAX_TEXT} characters"):
        templates.compile_template(source, VARIABLES)({"question": "x" * (MAX_TEXT // 10)})


def test_an_answer_that_cannot_be_rendered_is_an_error(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{name: size, answer: 'size {{ form.size }}'}]")
    refused = bot.post(SUPPORT, question="x", chatId="c")
    assert refused.status_code == 500
    assert refused.json()["error"] == (
        "Rule 0.yaml:1 (size) of the script cannot answer: 'size {{ form.size }}' cannot be filled in: "
        "'dict object' has no attribute 'size'"
    )
    (error, message), _ = bot.stream(SUPPORT, question="x", chatId="c")
    assert (error, "Rule 0.yaml:1 (size)" in message) == ("error", True)
    assert bot.messages(SUPPORT, chatId="c") == []


def test_text_from_a_client_is_not_a_template(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{answer: 'you said {{ question }}'}]")
    assert bot.predict(SUPPORT, question="{{ chatId }}")["text"] == "you said {{ chatId }}"
