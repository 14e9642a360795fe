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
AUTHOR_NAME_CHARACTERS_MAX = 256
"""Characters of the name of an embed's author (Discord docs, message.mdx)."""
FOOTER_CHARACTERS_MAX = 2_048
"""Characters of an embed's footer (Discord docs, message.mdx)."""

NOTE_CHARACTERS_MAX = 200
"""Ours: characters of a note in the footer; the claim reserves them."""
