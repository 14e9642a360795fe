"""Every limit of a message, at its edge and one beyond."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.sandbox.answer import RefusalError
from notifier.sandbox.form import FormError
from notifier.sandbox.rules import check_not_empty, read_message, read_webhook

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["content", "username", "avatar_url", "tts", "embeds", "allowed_mentions", "components", "flags", "poll",
     "thread_name", "applied_tags", "attachments", "title", "fields", "name", "footer", "parse", "users"]
)  # fmt: skip


def errors_of(payload: Any, **more: Any) -> dict[str, list[str]]:
    """Path to codes; nothing if it is accepted."""
    found: dict[str, list[str]] = {}

    def walk(tree: dict[str, Any], path: str) -> None:
        for key, value in tree.items():
            if key == "_errors":
                found[path] = [error["code"] for error in value]
            else:
                walk(value, f"{path}.{key}".lstrip("."))

    try:
        read_message(payload, **more)
    except FormError as error:
        walk(error.errors, "")
    return found


def embed(**parts: Any) -> dict[str, Any]:
    return {"embeds": [parts]}


def fields(count: int, **parts: Any) -> dict[str, Any]:
    return embed(fields=[{"name": "n", "value": "v", **parts}] * count)


BIG = "BASE_TYPE_MAX_LENGTH"
BETWEEN = "BASE_TYPE_BAD_LENGTH"
EDGES: list[tuple[str, Any, str, str]] = [
    ("content", lambda n: {"content": "x" * n}, BIG, "2000"),
    ("username", lambda n: {"username": "x" * n}, BETWEEN, "80"),
    ("embeds", lambda n: {"embeds": [{"title": "t"}] * n}, BIG, "10"),
    ("embeds.0.title", lambda n: embed(title="x" * n), BIG, "256"),
    ("embeds.0.description", lambda n: embed(description="x" * n), BIG, "4096"),
    ("embeds.0.fields", fields, BIG, "25"),
    ("embeds.0.fields.0.name", lambda n: fields(1, name="x" * n), BIG, "256"),
    ("embeds.0.fields.0.value", lambda n: fields(1, value="x" * n), BIG, "1024"),
    ("embeds.0.footer.text", lambda n: embed(footer={"text": "x" * n}), BIG, "2048"),
    ("embeds.0.author.name", lambda n: embed(author={"name": "x" * n}), BIG, "256"),
    ("embeds.0.image.description", lambda n: embed(image={"description": "x" * n}), BIG, "4096"),
    ("embeds.0.color", lambda n: embed(color=n), "NUMBER_TYPE_MAX", "16777215"),
    ("thread_name", lambda n: {"thread_name": "x" * n}, BETWEEN, "100"),
    ("applied_tags", lambda n: {"applied_tags": [str(tag) for tag in range(n)]}, BIG, "5"),
    ("attachments", lambda n: {"attachments": [{"id": 0}] * n}, BIG, "10"),
    ("attachments.0.filename", lambda n: {"attachments": [{"id": 0, "filename": "x" * n}]}, BETWEEN, "1024"),
    ("attachments.0.description", lambda n: {"attachments": [{"id": 0, "description": "x" * n}]}, BIG, "1024"),
    ("allowed_mentions.users", lambda n: {"allowed_mentions": {"users": [str(i) for i in range(n)]}}, BIG, "100"),
    ("poll.question.text", lambda n: poll(question={"text": "x" * n}), BIG, "300"),
    ("poll.answers", lambda n: poll(answers=[{"poll_media": {"text": "a"}}] * n), BETWEEN, "10"),
    ("poll.answers.0.poll_media.text", lambda n: poll(answers=[{"poll_media": {"text": "x" * n}}]), BIG, "55"),
    ("poll.duration", lambda n: poll(duration=n), "NUMBER_TYPE_MAX", "768"),
]


def poll(**parts: Any) -> dict[str, Any]:
    usual = {"question": {"text": "q"}, "answers": [{"poll_media": {"text": "a"}}]}
    return {"poll": {**usual, **parts}}


@pytest.mark.parametrize(("path", "payload", "code", "limit"), EDGES, ids=[edge[0] for edge in EDGES])
def test_a_limit_is_inclusive_and_one_more_is_refused_at_its_place(
    path: str, payload: Any, code: str, limit: str
) -> None:
    assert errors_of(payload(int(limit))) == {}
    assert errors_of(payload(int(limit) + 1)) == {path: [code]}


def test_six_thousand_are_counted_over_all_embeds_and_content_is_not_among_them() -> None:
    def of(last: int) -> dict[str, Any]:
        whole = {
            "title": "x" * 100,
            "description": "x" * 2000,
            "fields": [{"name": "x" * 100, "value": "x" * 500}],
            "footer": {"text": "x" * 200},
            "author": {"name": "x" * 100},
        }
        return {"content": "x" * 2000, "embeds": [whole, {"description": "x" * last}]}

    assert errors_of(of(3000)) == {}
    assert errors_of(of(3001)) == {"embeds": ["MAX_EMBED_SIZE_EXCEEDED"]}


def test_all_errors_come_in_one_tree() -> None:
    payload = {
        "content": "x" * 2001,
        "username": "my Discord clyde",
        "embeds": [{"url": ""}, {}, {"fields": [{"name": "n"}, {"value": ""}]}, 7],
        "allowed_mentions": {"parse": ["roles", "nobody"], "roles": ["1"]},
    }
    assert errors_of(payload) == {
        "content": [BIG],
        "username": ["USERNAME_INVALID_CONTAINS"] * 2,
        "embeds.0.url": ["URL_TYPE_INVALID_SCHEME"],
        "embeds.1": ["LIST_ITEM_VALUE_REQUIRED"],
        "embeds.2.fields.0.value": ["BASE_TYPE_REQUIRED"],
        "embeds.2.fields.1.name": ["BASE_TYPE_REQUIRED"],
        "embeds.2.fields.1.value": ["BASE_TYPE_REQUIRED"],
        "embeds.3": ["MODEL_TYPE_CONVERT"],
        "allowed_mentions.parse.1": ["BASE_TYPE_CHOICES"],
        "allowed_mentions": ["MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"],
    }


@pytest.mark.parametrize("name", ["", "   ", "here", "Everyone", "xDISCORDx", "Clyde"])
def test_forbidden_names(name: str) -> None:
    assert "username" in errors_of({"username": name, "content": "x"})


def test_a_name_is_collapsed_before_it_is_measured() -> None:
    assert read_message({"username": "  a   b " + " " * 100}).username == "a b"


def test_what_is_accepted_though_it_looks_wrong() -> None:
    """Unknown keys, nulls everywhere, an empty description, an empty footer, a numeric string as colour."""
    payload = {
        "nonsense": 1,
        "content": None,
        "username": None,
        "avatar_url": None,
        "components": None,
        "embeds": [{"a": "a"}, {"description": "", "footer": {}, "color": "255", "image": None, "type": "video"}],
    }
    draft = read_message(payload)
    assert draft.embeds == [{"type": "rich"}, {"type": "rich", "color": 255}]


def test_an_empty_id_list_beside_parse_is_fine() -> None:
    payload = {"allowed_mentions": {"parse": ["users", "roles"], "users": [], "roles": None}}
    assert errors_of(payload) == {}


@pytest.mark.parametrize(
    "payload", [{}, {"content": "  \n"}, {"embeds": []}, {"content": None, "components": [{"type": 10}]}]
)
def test_nothing_to_send_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(RefusalError) as refused:
        check_not_empty(read_message(payload), 0)
    assert refused.value.problem.code == 50006


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        ({"attachments": [{"filename": "a.txt"}]}, {"attachments.0.id": ["BASE_TYPE_REQUIRED"]}),
        ({"applied_tags": [None]}, {"applied_tags.0": ["BASE_TYPE_REQUIRED"]}),
        (
            {"allowed_mentions": {"parse": ["users", "users"]}},
            {"allowed_mentions.parse": ["SET_TYPE_ALREADY_CONTAINS_VALUE"]},
        ),
    ],
)
def test_what_the_openapi_description_requires_is_required(payload: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert errors_of({"content": "x", **payload}) == wrong


def test_components_v2_forbids_the_older_fields() -> None:
    payload = {
        "flags": 1 << 15,
        "content": "x",
        "embeds": [{"title": "t"}],
        "components": [{"type": 10, "content": "x"}],
    }
    code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    assert errors_of(payload, with_components=True, files=1) == {"content": [code], "embeds": [code], "files": [code]}


def test_components_v2_text_above_its_size_is_a_500() -> None:
    def texts(more: str) -> dict[str, Any]:
        inside = [{"type": 10, "content": "語" * 1691}, {"type": 10, "content": "語" * 1691 + more}]
        return {"flags": 1 << 15, "components": [{"type": 17, "components": inside}]}

    read_message(texts(""), with_components=True)
    with pytest.raises(RefusalError) as refused:
        read_message(texts("x"), with_components=True)
    assert refused.value.problem.status == 500


def test_an_edit_takes_two_flags_and_an_execute_three() -> None:
    everything = {"flags": 4 | 4096 | 8192, "content": "x"}
    assert read_message(everything).flags == 4 | 4096
    assert read_message(everything, edit=True).flags == 4


def test_a_webhooks_name_and_avatar_are_checked() -> None:
    assert read_webhook({"name": "fine", "avatar": "data:image/png;base64,AA"})[0] == "fine"
    with pytest.raises(FormError):
        read_webhook({"name": "x" * 81, "avatar": "https://example.com"})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=3), max_size=6))
def test_any_json_is_either_a_draft_or_a_refusal(payload: dict[str, Any]) -> None:
    refused: RefusalError | None = None
    try:
        read_message(payload, with_components=True)
    except RefusalError as error:
        refused = error
    if isinstance(refused, FormError):
        assert refused.errors
        assert refused.form_errors.flat()


@settings(deadline=None)
@given(st.text(max_size=2100))
def test_content_is_measured_as_code_points_whatever_it_holds(text: str) -> None:
    assert (errors_of({"content": text}) == {}) == (len(text.strip()) <= 2000)
