"use strict";
// Discord's Markdown, drawn as elements: what a message says becomes text nodes, so it cannot become anything else.
// Needs dom.js. Markdown.draw(text, place, names) gives the nodes; PLACES says what is Markdown where.
const Markdown = (() => {
  const PLACES = {
    all: { blocks: true, code: true, links: true, mentions: true },  // content, description, a field's value, a text display
    title: { blocks: false, code: false, links: false, mentions: false },  // title and a field's name
  };
  const DEEPEST = 20;  // ours: what is nested further is text
  const TIMES = {
    t: { timeStyle: "short" }, T: { timeStyle: "medium" }, d: { dateStyle: "short" }, D: { dateStyle: "long" },
    f: { dateStyle: "long", timeStyle: "short" }, F: { dateStyle: "full", timeStyle: "short" },
    s: { dateStyle: "short", timeStyle: "short" }, S: { dateStyle: "short", timeStyle: "medium" },
  };
  const LAST_SECOND = 8.64e12;  // the last that a date can be (ECMAScript)
  const pill = (text, kind) => el("span", { class: "mention", "data-kind": kind }, text);

  function timestamp(seconds, style, raw) {
    if (Math.abs(seconds) > LAST_SECOND) return raw;
    const moment = new Date(1000 * seconds), full = moment.toLocaleString([], TIMES.F);
    const text = style === "R" ? relative(moment) : moment.toLocaleString([], TIMES[style || "f"]);
    return el("time", { class: "stamp", datetime: moment.toISOString(), title: full, "data-style": style || "f" }, text);
  }

  function spoiler(inside) {
    // hidden also from a screen reader and from the keyboard, until it is asked for (reveal in page.js)
    return el("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Spoiler, hidden" },
      el("span", { class: "hidden", inert: "" }, ...inside));
  }

  function codeBlock(language, text) {
    return el("pre", { tabindex: "0", "aria-label": language ? `Code, ${language}` : "Code", "data-language": language },
      el("code", {}, ...(language === "ansi" ? Ansi.draw(text) : [text])));
  }

  // brackets that close more than were opened belong to the sentence around the link
  function balanced(url) {
    while (url.endsWith(")") && url.split(")").length > url.split("(").length) url = url.slice(0, -1);
    return url;
  }

  const EMPHASIS = [  // the longest wins; of two as long the first
    [/^\*(?=\S)((?:\*\*|\\[^]|\s+(?:\\[^]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/, "em"],
    [/^_((?:__|\\[^]|[^\\_])+?)_(?!\w)/, "em"],
    [/^\*\*((?:\\[^]|[^\\])+?)\*\*(?!\*)/, "strong"],
    [/^__((?:\\[^]|[^\\])+?)__(?!_)/, "u"],
  ];
  // [what begins it, its form, what is allowed to be there, its nodes]
  const RULES = [
    ["`", /^```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][^]*?)\n*```\n?/i, at => at.code,
      m => [codeBlock(m[1] || null, m[2])]],
    ["`", /^(`+)([^]*?[^`])\1(?!`)/, null, m => [el("code", {}, m[2].replace(/^ (?= *`)|(` *) $/g, "$1"))]],
    ["¯", /^¯\\_\(ツ\)_\/¯/, null, m => [m[0]]],
    ["\\", /^\\([^0-9A-Za-z\s])/u, null, m => [m[1]]],
    ["~", /^~~([^]+?)~~(?!_)/, null, (m, at) => [el("s", {}, ...inside(m[1], at))]],
    ["|", /^\|\|([^]+?)\|\|/, null, (m, at) => [spoiler(inside(m[1], at))]],
    ["[", /^\[((?:\\[^]|\[[^\]]*\]|[^[\]\\])+)\]\(\s*(?:<(https?:\/\/[^\s<>]+)>|(https?:\/\/(?:\([^()\s]*\)|[^\s()<>])+))(?:\s+"([^"]*)")?\s*\)/i,
      // a label that is itself an address would lie about where it leads
      (at, m) => at.links && !at.link && !/https?:\/\//i.test(m[1]),
      (m, at) => [link(m[2] || m[3], { title: m[4] || null }, ...inside(m[1], { ...at, link: true }))]],
    ["<", /^<(https?:\/\/[^\s<>]+)>/i, at => !at.link, m => [link(m[1], {}, m[1])]],
    ["h", /^https?:\/\/[^\s<]*[^\s<.,:;"'\]]/i, at => !at.link, m => [link(balanced(m[0]), {}, balanced(m[0]))], m => balanced(m[0]).length],
    ["<", /^<@!?(\d{1,20})>/, at => at.mentions, (m, at) => [pill("@" + at.names.user(m[1]), "user")]],
    ["<", /^<@&(\d{1,20})>/, at => at.mentions, (m, at) => [pill("@" + at.names.role(m[1]), "role")]],
    ["<", /^<#(\d{1,20})>/, at => at.mentions, (m, at) => [pill("#" + at.names.channel(m[1]), "channel")]],
    ["<", /^<(\/[^:\n<>]{1,100}):\d{1,20}>/, at => at.mentions, m => [pill(m[1], "command")]],
    ["@", /^@(?:everyone|here)(?!\w)/, at => at.mentions, m => [pill(m[0], "everyone")]],
    ["<", /^<a?:(\w{1,32}):\d{1,20}>/, null, m => [el("span", { class: "emoji", title: `:${m[1]}:` }, `:${m[1]}:`)]],
    ["<", /^<t:(-?\d{1,14})(?::([tTdDfFsSR]))?>/, null, m => [timestamp(Number(m[1]), m[2], m[0])]],
  ];
  const PLAIN = /^(?:\n|[^](?:[^\\`*_~|[<@h¯\n]|h(?!ttps?:))*)/i;

  const inside = (text, at) => draw(text, { ...at, blocks: false, deep: at.deep + 1 });

  function emphasis(source, at) {
    const found = EMPHASIS.map(([form, name]) => [form.exec(source), name]).filter(([m]) => m)
      .sort(([one], [other]) => other[0].length - one[0].length)[0];
    return found && [found[0][0].length, [el(found[1], {}, ...inside(found[0][1], at))]];
  }

  function inline(source, at) {
    if (at.deep > DEEPEST) return null;
    const first = source[0].toLowerCase();
    for (const [begin, form, allowed, nodes, size] of RULES) {
      if (begin !== first) continue;
      const m = form.exec(source);
      if (m && (!allowed || allowed(at, m))) return [size ? size(m) : m[0].length, nodes(m, at)];
    }
    return first === "*" || first === "_" ? emphasis(source, at) : null;
  }

  // ---- what takes whole lines

  const ITEM = /^( *)([-*]|\d{1,9}\.) +(\S.*)$/;

  function list(source, at) {
    const lines = [];
    let taken = 0;
    for (const line of source.split("\n")) {
      const m = ITEM.exec(line);
      if (m) lines.push({ indent: m[1].length, number: parseInt(m[2], 10), text: m[3] });
      else if (/^ {2,}\S/.test(line)) lines[lines.length - 1].text += "\n" + line.trim();
      else break;
      taken += line.length + 1;
    }
    return [Math.min(taken, source.length), nested(lines, at)];
  }

  // a list, and what is indented below an item as lists inside it
  function nested(lines, at) {
    const out = [];
    let box = null;
    for (let i = 0; i < lines.length;) {
      const { indent, number, text } = lines[i], name = Number.isNaN(number) ? "ul" : "ol";
      let end = i + 1;
      while (end < lines.length && lines[end].indent > indent) end++;
      if (!box || box.localName !== name) out.push(box = el(name, name === "ol" && number !== 1 ? { start: String(number) } : {}));
      const deeper = { ...at, deep: at.deep + 1 };
      const below = at.deep >= DEEPEST ? lines.slice(i + 1, end).map(one => "\n" + one.text) : nested(lines.slice(i + 1, end), deeper);
      box.append(el("li", {}, ...draw(text, { ...deeper, blocks: false }), ...below));
      i = end;
    }
    return out;
  }

  const BLOCKS = [
    [/^ *>>> ?([^]+)/, at => !at.quote, (m, at) => [el("blockquote", {}, ...draw(m[1], { ...at, quote: true }))]],
    [/^ *> [^\n]*(?:\n *> [^\n]*)*\n?/, at => !at.quote, (m, at) =>
      [el("blockquote", {}, ...draw(m[0].replace(/^ *> /gm, "").replace(/\n$/, ""), { ...at, quote: true }))]],
    [/^ *(#{1,3})[ \t]+((?!#+)[^\n]+?)#*[ \t]*(?:\n|$)/, null, (m, at) =>
      [el("div", { class: "heading", role: "heading", "aria-level": String(m[1].length + 3) }, ...inside(m[2], at))]],
    [/^ *-#[ \t]+([^\n]+?)[ \t]*(?:\n|$)/, null, (m, at) => [el("div", { class: "subtext" }, ...inside(m[1], at))]],
  ];

  function block(source, at) {
    for (const [form, allowed, nodes] of BLOCKS) {
      const m = form.exec(source);
      if (m && (!allowed || allowed(at))) return [m[0].length, nodes(m, at)];
    }
    return ITEM.test(source.split("\n", 1)[0]) ? list(source, at) : null;
  }

  function draw(source, at) {
    const out = [];
    let plain = "", lineBegins = true;
    const flush = () => { if (plain) out.push(plain); plain = ""; };
    while (source) {
      const hit = (at.blocks && lineBegins && block(source, at)) || inline(source, at);
      const size = hit ? hit[0] : PLAIN.exec(source)[0].length;
      if (hit) { flush(); out.push(...hit[1]); } else plain += source.slice(0, size);
      lineBegins = source[size - 1] === "\n";
      source = source.slice(size);
    }
    flush();
    return out;
  }

  const UNKNOWN = { user: id => `user-${id}`, role: id => `role-${id}`, channel: id => id };
  return {
    spoiler,
    ends: moment => timestamp(Math.floor(Date.parse(moment) / 1000), "R", moment),
    draw: (text, place = "all", names = UNKNOWN) => draw(String(text), { ...PLACES[place], names, deep: 0 }),
    retime() {  // what says "5 minutes ago" goes on
      for (const node of document.querySelectorAll('time[data-style="R"]')) node.textContent = relative(new Date(node.dateTime));
    },
  };
})();
