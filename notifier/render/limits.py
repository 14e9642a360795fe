"""Discord's limits on a webhook message, each of them inclusive.

Characters are Unicode code points (discord-api-docs #1315), counted after trimming (Discord docs, message.mdx).
"""

EMBEDS_MAX = 10
"""Embeds in a message (Discord docs, webhook.mdx)."""
EMBEDS_TOTAL_CHARACTERS_MAX = 6_000
"""Characters of title, description, field names and values, footer and author over all embeds of a message
(Discord docs, message.mdx; over all: discord-api-docs #2575)."""
TITLE_CHARACTERS_MAX = 256
"""Characters of an embed's title (Discord docs, message.mdx)."""
DESCRIPTION_CHARACTERS_MAX = 4_096
"""Characters of an embed's description (Discord docs, message.mdx)."""
FIELDS_MAX = 25
"""Fields of an embed (Discord docs, message.mdx; an error since 2023-12-19, change-log.mdx)."""
FIELD_NAME_CHARACTERS_MAX = 256
"""Characters of a field's name, which must not be empty (Discord docs, message.mdx)."""
FIELD_VALUE_CHARACTERS_MAX = 1_024
"""Characters of a field's value, which must not be empty (Discord docs, message.mdx)."""
FOOTER_CHARACTERS_MAX = 2_048
"""Characters of an embed's footer (Discord docs, message.mdx)."""
AUTHOR_CHARACTERS_MAX = 256
"""Characters of an embed's author's name (Discord docs, message.mdx)."""
CONTENT_CHARACTERS_MAX = 2_000
"""Characters of a message's content (Discord docs, webhook.mdx)."""
THREAD_NAME_CHARACTERS_MAX = 100
"""Characters of a thread's name (Discord's OpenAPI description)."""
TAGS_MAX = 5
"""Tags of a forum's post (Discord's OpenAPI description)."""
FILE_NAME_CHARACTERS_MAX = 200
"""Ours: Discord takes 1,024 (its OpenAPI description), and few file systems do."""
FILE_DESCRIPTION_CHARACTERS_MAX = 1_024
"""Characters of a file's description (Discord docs, message.mdx)."""
BUTTONS_PER_ROW, ROWS_MAX = 5, 5
"""Buttons in an action row, rows in a message (Discord docs, components.mdx)."""
BUTTON_LABEL_CHARACTERS_MAX = 80
"""Characters of a button's label (Discord docs, components.mdx)."""
BUTTON_URL_CHARACTERS_MAX = 512
"""Characters of a button's link (Discord docs, components.mdx)."""
POLL_QUESTION_CHARACTERS_MAX, POLL_ANSWER_CHARACTERS_MAX = 300, 55
"""Characters of a poll's question, and of an answer (Discord docs, poll.mdx)."""
POLL_ANSWERS_MAX = 10
"""Answers of a poll (Discord docs, poll.mdx)."""
POLL_HOURS_MAX = 768
"""How long a poll is open, in hours (Discord docs, poll.mdx)."""

USERNAME_CHARACTERS_MAX = 80
"""Characters of a name that overrides the webhook's (Discord docs, webhook.mdx)."""
FILES_MAX = 10
"""Files of a message (Discord docs, message.mdx)."""
FILE_BYTES_MAX = 10 * 2**20
"""Bytes of a file that a webhook uploads (Discord docs, change-log.mdx, 2025-01-16)."""

NOTE_CHARACTERS_MAX = 200
"""Ours: characters of a note in the footer; the claim reserves them."""
