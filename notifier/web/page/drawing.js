// An alert as it looks in Discord, drawn by what draws it in the sandbox (dom.js, markdown.js, message.js).
/* global Message, OUTSIDE */
import { h, plain } from "./nodes.js";

const NAMES = { user: id => `user ${id}`, role: id => `role ${id}`, channel: id => id };
const size = bytes => bytes < 1024 ? `${bytes} bytes` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;

// the files themselves are not kept: what an embed shows of them is named below it instead
const isUpload = picture => picture && String(picture.url).startsWith("attachment://");
const withoutUploads = embed => Object.fromEntries(Object.entries(embed).filter(([, value]) => !isUpload(value)));

function message(alert, payload, index) {
  const posted = (alert.record || {}).finished_at;
  return {
    id: `drawn-${index}`, channel_id: "", timestamp: posted || new Date().toISOString(), edited_timestamp: null, flags: payload.flags || 0, tts: Boolean(payload.tts),
    author: { username: payload.username || "notifier" }, sandbox: { avatar_url: payload.avatar_url || null }, content: payload.content || "",
    embeds: (payload.embeds || []).map(withoutUploads), components: payload.components || [], attachments: [], poll: null,
    mentions: [], mention_roles: alert.preview.mentions || [], mention_everyone: false,
  };
}

function part(alert, { payload, files }, index) {
  const node = Message.node(message(alert, payload, index), NAMES, payload.thread_name ? `› ${payload.thread_name}` : null);
  for (const link of node.querySelectorAll("a[href^='?']")) link.href = `${link.getAttribute("href")}${location.hash}`;
  return [node, files.length ? h("ul", { class: "attached" }, files.map(file => h("li", {}, `📎 ${plain(file.name)}, ${size(file.bytes)}`))) : null];
}

function reveal(event) {
  const spoiler = event.target.closest(".spoiler:not(.open)");
  if (!spoiler || event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  const inside = spoiler.querySelector(":scope > .hidden");
  inside.removeAttribute("inert");
  inside.classList.remove("hidden");
  for (const name of ["role", "aria-label"]) spoiler.removeAttribute(name);
  spoiler.classList.add("open");
}

export function drawing(alert) {
  if (!alert.preview) return h("p", { class: "dim" }, "It cannot be drawn: this version cannot read it, or it was refused for its form.");
  const parts = alert.preview.parts;
  const pictures = OUTSIDE ? h("p", { class: "dim" }, "Pictures of other servers are loaded. ", h("a", { href: `?${location.hash}` }, "Load none")) : null;
  return [h("div", { class: "discord", click: reveal, keydown: reveal, sign: JSON.stringify([parts, (alert.record || {}).finished_at]) }, parts.map((each, index) => part(alert, each, index))), pictures];
}
