"use strict";
// One message, drawn as Discord does: embeds, files, components, poll. Needs dom.js and markdown.js.
const Message = (() => {
  const SUPPRESS_EMBEDS = 1 << 2, SUPPRESS_NOTIFICATIONS = 1 << 12;
  const SEEN_BYTES = 4096, SEEN_LINES = 6;  // ours: of a text file, before it is opened
  const colour = number => "#" + number.toString(16).padStart(6, "0");

  // ---- embeds

  function fieldGrid(fields, names) {
    const rows = [];
    for (const field of fields) {
      const row = rows[rows.length - 1];
      if (field.inline && row && row[0].inline && row.length < 3) row.push(field);
      else rows.push([field]);
    }
    return el("dl", { class: "fields" }, ...rows.flatMap(row => row.map(field =>
      el("div", { class: "field", "data-span": field.inline ? String(12 / row.length) : "12" },
        el("dt", {}, ...Markdown.draw(field.name, "title", names)), el("dd", {}, ...Markdown.draw(field.value, "all", names))))));
  }

  function authorLine(author, message) {
    return el("div", { class: "author" }, author.icon_url ? smallPicture(author.icon_url, message, "author's icon") : null,
      author.name ? link(author.url, { class: "author-name" }, author.name) : null);
  }

  function footerLine(embed, message) {
    const { text, icon_url: url } = embed.footer || {};
    return el("div", { class: "footer" }, url ? smallPicture(url, message, "footer's icon") : null,
      el("span", {}, text || "", text && embed.timestamp ? el("span", { "aria-hidden": "true" }, " • ") : null, embed.timestamp ? clock(embed.timestamp) : null));
  }

  function gallery(pictures, message) {
    return el("div", { class: "gallery", "data-count": String(Math.min(pictures.length, 4)) },
      ...pictures.map(each => largePicture(each.url, message, each.description)));
  }

  function embedNode(embed, pictures, message, names) {
    const body = el("div", { class: "embed-body" },
      embed.author && Object.keys(embed.author).length ? authorLine(embed.author, message) : null,
      embed.title ? link(embed.url, { class: "title" }, ...Markdown.draw(embed.title, "title", names)) : null,
      embed.description ? el("div", { class: "description" }, ...Markdown.draw(embed.description, "all", names)) : null,
      embed.fields && embed.fields.length ? fieldGrid(embed.fields, names) : null);
    const node = el("div", { class: "embed", role: "group", "aria-label": embed.title ? `Embed: ${embed.title}` : "Embed" }, body,
      embed.thumbnail && embed.thumbnail.url ? el("div", { class: "thumbnail" }, largePicture(embed.thumbnail.url, message, embed.thumbnail.description || "Thumbnail", true)) : null,
      pictures.length ? gallery(pictures, message) : null,
      (embed.footer && Object.keys(embed.footer).length) || embed.timestamp ? footerLine(embed, message) : null);
    if (embed.color !== undefined && embed.color !== null) node.style.setProperty("--bar", colour(embed.color));
    return node;
  }

  function embeds(message, names) {
    if (message.embeds.length && message.flags & SUPPRESS_EMBEDS) return [el("div", { class: "note" }, `${plural(message.embeds.length, "embed")} not shown: the message suppresses embeds`)];
    const groups = new Map();  // embeds that share one url are one, with a gallery
    message.embeds.forEach((embed, index) => {
      const key = embed.url || index;
      groups.set(key, [...(groups.get(key) || []), embed]);
    });
    return [...groups.values()].map(group => embedNode(group[0], group.map(embed => embed.image).filter(image => image && image.url), message, names));
  }

  // ---- files

  const isPicture = file => /^image\/(png|jpeg|gif|webp)\b/.test(file.content_type || "");
  const isText = file => /^(text\/|application\/json)/.test(file.content_type || "") || /\.(txt|log|md|json|py)$/i.test(file.filename);

  async function beginning(path) {
    const answer = await fetch(path), reader = answer.body.getReader(), decoder = new TextDecoder();
    if (!answer.ok) throw new Error("gone");
    let text = "", read = 0, more = true;
    while (more && read < SEEN_BYTES) {
      const { done, value } = await reader.read();
      if (done) { more = false; break; }
      read += value.length;
      text += decoder.decode(value, { stream: true });
    }
    if (more) reader.cancel();
    return { text: text.slice(0, SEEN_BYTES), more: more || text.length > SEEN_BYTES };
  }

  function textPreview(file, box) {
    beginning(ownFile(file)).then(({ text, more }) => {
      const lines = text.replace(/\n$/, "").split("\n"), long = lines.length > SEEN_LINES;
      const code = el("code", {}, lines.slice(0, SEEN_LINES).join("\n")), whole = lines.join("\n") + (more ? "\n…" : "");
      const open = el("button", { type: "button", class: "quiet", "aria-expanded": "false", click() {
        const opened = open.getAttribute("aria-expanded") === "false";
        open.setAttribute("aria-expanded", String(opened));
        code.textContent = opened ? whole : lines.slice(0, SEEN_LINES).join("\n");
        open.textContent = opened ? "Show less" : `Show ${more ? "the first " + bytes(SEEN_BYTES) : plural(lines.length, "line")}`;
      } }, `Show ${more ? "the first " + bytes(SEEN_BYTES) : plural(lines.length, "line")}`);
      box.prepend(el("pre", { tabindex: "0", "aria-label": `Beginning of ${file.filename}` }, code), long || more ? open : "");
    }).catch(() => box.prepend(el("div", { class: "note" }, "The file is no longer kept.")));
  }

  function fileNode(file) {
    const alt = file.description || file.filename;
    if (isPicture(file)) {
      const image = el("a", { class: "upload", href: ownFile(file), target: "_blank", rel: "noreferrer noopener" },
        picture(ownFile(file), alt, () => el("span", { class: "lost" }, icon("picture"), `${file.filename}: no picture, or no longer kept`)));
      return file.filename.startsWith("SPOILER_") ? Markdown.spoiler([image]) : image;
    }
    const line = el("div", { class: "file" }, icon("file"), el("div", {}, el("a", { href: ownFile(file), target: "_blank", rel: "noreferrer noopener" }, file.filename),
      el("div", { class: "when" }, [bytes(file.size), file.content_type, file.description].filter(Boolean).join(" · "))),
    el("a", { class: "quiet", href: ownFile(file), download: file.filename, "aria-label": `Download ${file.filename}` }, icon("save")));
    const box = el("div", { class: "attachment" }, line);
    if (isText(file)) textPreview(file, box);
    return box;
  }

  function files(message) {
    const used = JSON.stringify([message.embeds, message.components]);
    const shown = message.attachments.filter(file => !used.includes(`attachment://${file.filename}"`));
    const pictures = shown.filter(isPicture), others = shown.filter(file => !isPicture(file));
    return [pictures.length ? el("div", { class: "gallery uploads", "data-count": String(Math.min(pictures.length, 4)) }, ...pictures.map(fileNode)) : null, ...others.map(fileNode)];
  }

  // ---- components and polls

  const COMPONENTS = {
    1: (one, message, names) => el("div", { class: "buttons" }, ...inner(one, message, names)),
    2: one => link(one.disabled ? null : one.url, { class: "button", "aria-disabled": one.disabled ? "true" : null, title: one.url },
      one.emoji ? `${one.emoji.id ? `:${one.emoji.name}:` : one.emoji.name} ` : "", one.label || "", icon("out")),
    9: (one, message, names) => el("div", { class: "section" }, el("div", {}, ...inner(one, message, names)), one.accessory ? component(one.accessory, message, names) : null),
    10: (one, message, names) => el("div", { class: "body-text" }, ...Markdown.draw(one.content || "", "all", names)),
    11: (one, message) => el("div", { class: "thumbnail" }, hidden(one, largePicture(one.media.url, message, one.description || "Thumbnail", true))),
    12: (one, message) => el("div", { class: "gallery", "data-count": String(Math.min(one.items.length, 4)) }, ...one.items.map(item => hidden(item, largePicture(item.media.url, message, item.description)))),
    13: (one, message) => {
      const file = message.attachments.find(each => one.file.url === `attachment://${each.filename}`);
      return file ? hidden(one, fileNode(file)) : el("span", { class: "lost" }, icon("file"), `${one.file.url}: no such file in this message`);
    },
    14: one => el("hr", { class: one.divider === false ? "bare" : "", "data-spacing": String(one.spacing || 1) }),
    17: (one, message, names) => {
      const node = el("div", { class: "embed container", role: "group", "aria-label": "Container" }, ...inner(one, message, names));
      if (one.accent_color !== null && one.accent_color !== undefined) node.style.setProperty("--bar", colour(one.accent_color));
      return hidden(one, node);
    },
  };
  const hidden = (one, node) => one.spoiler ? Markdown.spoiler([node]) : node;
  const inner = (one, message, names) => (one.components || []).map(each => component(each, message, names));
  const component = (one, message, names) => COMPONENTS[one.type] ? COMPONENTS[one.type](one, message, names) : el("div", { class: "note" }, `A component of type ${one.type}`);

  function poll(one) {
    const counts = Object.fromEntries(((one.results || {}).answer_counts || []).map(each => [each.id, each.count]));
    const votes = Object.values(counts).reduce((sum, each) => sum + each, 0);
    return el("div", { class: "poll", role: "group", "aria-label": `Poll: ${one.question.text}` }, el("div", { class: "question" }, one.question.text),
      el("div", { class: "when" }, one.allow_multiselect ? "Select one or more answers" : "Select one answer"),
      el("ul", {}, ...one.answers.map(answer => el("li", {},
        answer.poll_media.emoji ? el("span", { class: "poll-emoji" }, answer.poll_media.emoji.id ? `:${answer.poll_media.emoji.name}:` : answer.poll_media.emoji.name) : null,
        el("span", { class: "answer" }, answer.poll_media.text), el("span", { class: one.allow_multiselect ? "tick box" : "tick", "aria-hidden": "true" })))),
      el("div", { class: "when" }, plural(votes, "vote"), " · ends ", Number.isNaN(Date.parse(one.expiry)) ? "?" : Markdown.ends(one.expiry)));
  }

  // ---- the whole

  function avatar(message) {
    const name = [...message.author.username][0] || "?", url = message.sandbox.avatar_url;
    const letter = () => el("span", { class: "letter" }, name.toUpperCase());
    const source = url && sourceOf(url, message);
    return el("div", { class: "avatar", "aria-hidden": "true", title: url && !source ? `its avatar is at ${host(url)}, not loaded` : null }, source ? picture(source, "", letter) : letter());
  }

  function node(message, names, place) {
    const edited = message.edited_timestamp ? el("span", { class: "edited", title: new Date(message.edited_timestamp).toLocaleString() }, "(edited)") : null;
    const head = el("h3", { class: "head", id: `who-${message.id}` }, el("span", { class: "name" }, message.author.username), " ", el("span", { class: "app" }, "APP"), " ", clock(message.timestamp), " ",
      message.flags & SUPPRESS_NOTIFICATIONS ? icon("silent", "silent: nobody is notified") : null, message.tts ? icon("speaker", "read aloud") : null,
      place ? el("span", { class: "place" }, place) : null);
    const text = message.content ? el("div", { class: "body-text" }, ...Markdown.draw(message.content, "all", names), edited ? " " : null, edited) : null;
    const body = el("div", { class: "body" }, head, text, ...embeds(message, names), ...files(message).filter(Boolean),
      message.poll ? poll(message.poll) : null, ...message.components.map(one => component(one, message, names)), text ? null : edited);
    const pings = message.mention_everyone || message.mentions.length || message.mention_roles.length;
    return el("article", { class: pings ? "message pings" : "message", id: `m${message.id}`, "aria-labelledby": `who-${message.id}` }, avatar(message), body);
  }

  // what a screen reader is told of a message that arrives
  const summary = message => {
    const embed = message.embeds[0] || {};
    return `${message.author.username}: ${embed.title || message.content || embed.description || (message.poll || { question: { text: "a message" } }).question.text}`.slice(0, 200);
  };
  return { node, summary };
})();
