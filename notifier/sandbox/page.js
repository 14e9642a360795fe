"use strict";
// What is known of the sandbox, the list at the side, and what changes it. Needs all the other scripts.
const SHOWN = 300, KEPT = 10000, LOGGED = 1000, SAME_SPEAKER_MS = 7 * 60 * 1000;
const state = { messages: new Map(), requests: [], webhooks: [], threads: [], faults: [], place: "" };

const parentOf = message => message.sandbox.parent_channel_id;
const webhookOf = id => state.webhooks.find(hook => hook.channel_id === id);
const channelName = id => (webhookOf(id) || { name: id }).name;
const threadOf = id => state.threads.find(thread => thread.id === id);
const threadName = id => (threadOf(id) || {}).name || `thread ${id}`;
const names = { user: id => `user-${id}`, role: id => `role-${id}`, channel: id => threadOf(id) ? threadName(id) : channelName(id) };
const within = place => message => !place || parentOf(message) === place || message.channel_id === place;

// ---- the messages: a node is made once for each state of a message, and stays where it is, so that focus and what
// was revealed or opened stay too
const drawn = new Map();

function placeOf(message) {
  const inThread = message.channel_id !== parentOf(message);
  if (state.place === message.channel_id) return null;
  return inThread ? `#${channelName(parentOf(message))} › ${threadName(message.channel_id)}` : state.place ? null : `#${channelName(parentOf(message))}`;
}

function nodeOf(message) {
  const place = placeOf(message), old = drawn.get(message.id);
  if (old && old.message === message && old.place === place) return old.node;
  const node = el("li", {}, Message.node(message, names, place));
  drawn.set(message.id, { message, place, node });
  return node;
}

const follows = (message, before) => before && before.author.username === message.author.username && before.sandbox.avatar_url === message.sandbox.avatar_url
  && before.channel_id === message.channel_id && before.flags === message.flags && before.tts === message.tts
  && Date.parse(message.timestamp) - Date.parse(before.timestamp) < SAME_SPEAKER_MS;

function drawMessages() {
  const shown = [...state.messages.values()].filter(within(state.place)).slice(-SHOWN), list = $("list"), box = $("messages");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  for (const id of drawn.keys()) if (!state.messages.has(id)) drawn.delete(id);
  const wanted = shown.map(nodeOf), kept = new Set(wanted);
  for (const node of [...list.children]) if (!kept.has(node)) node.remove();
  wanted.forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] || null);
    node.classList.toggle("follows", Boolean(follows(shown[index], shown[index - 1])));
  });
  $("nothing").hidden = wanted.length > 0;
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function go(place) {
  state.place = place;
  const hook = webhookOf(place), thread = threadOf(place);
  $("where").textContent = !place ? "All channels" : thread ? threadName(place) : `#${channelName(place)}${hook && hook.channel_type === "forum" ? ", a forum" : ""}`;
  $("messages").scrollTop = $("messages").scrollHeight;
  openMenu(false);
  show("messages");
  drawMessages();
  drawSide();
  $("messages").scrollTop = $("messages").scrollHeight;
}

// ---- the list at the side: channels, and below each its threads or posts
function drawSide() {
  const counts = {}, had = document.activeElement && document.activeElement.dataset.place;
  for (const message of state.messages.values()) {
    for (const id of new Set([parentOf(message), message.channel_id])) counts[id] = (counts[id] || 0) + 1;
  }
  const entry = (id, label, shape, count, note) => el("button", { type: "button", "data-place": id || "all", "aria-current": state.place === id ? "true" : null, click: () => go(id) },
    icon(shape), el("span", { class: "label" }, label, note ? el("span", { class: "unseen" }, ` ${note}`) : null),
    count ? el("span", { class: "number" }, String(count), el("span", { class: "unseen" }, count === 1 ? " message" : " messages")) : null);
  const channels = [...new Set([...state.webhooks.map(hook => hook.channel_id), ...[...state.messages.values()].map(parentOf)])];
  const posts = id => {
    const known = state.threads.filter(thread => thread.channel_id === id).map(thread => thread.id);
    const all = [...new Set([...known, ...[...state.messages.values()].filter(message => parentOf(message) === id && message.channel_id !== id).map(message => message.channel_id)])];
    return all.length ? el("ul", { class: "posts" }, ...all.map(each => el("li", {}, entry(each, threadName(each), "thread", counts[each], (threadOf(each) || {}).locked ? "locked" : "")))) : null;
  };
  $("side").replaceChildren(el("ul", {}, el("li", {}, entry("", "All channels", "menu", state.messages.size)),
    ...channels.map(id => el("li", {}, entry(id, channelName(id), (webhookOf(id) || {}).channel_type === "forum" ? "forum" : "hash", counts[id], (webhookOf(id) || {}).channel_type === "forum" ? "forum" : ""), posts(id)))));
  const again = had && $("side").querySelector(`[data-place="${CSS.escape(had)}"]`);
  if (again) again.focus();
  const pick = $("script").elements.webhook_id, chosen = pick.value;
  pick.replaceChildren(el("option", { value: "" }, "all"), ...state.webhooks.map(hook => el("option", { value: hook.id }, hook.name)));
  pick.value = chosen;
}

// ---- spoilers
function reveal(spoiler) {
  const hidden = spoiler.querySelector(":scope > .hidden");
  hidden.removeAttribute("inert");
  hidden.classList.remove("hidden");
  for (const name of ["role", "aria-label"]) spoiler.removeAttribute(name);
  spoiler.setAttribute("tabindex", "-1");
  spoiler.classList.add("open");
}
const closedSpoiler = event => { const found = event.target.closest(".spoiler"); return found && !found.classList.contains("open") ? found : null; };
document.addEventListener("click", event => { const found = closedSpoiler(event); if (found) { event.preventDefault(); reveal(found); } });
document.addEventListener("keydown", event => {
  const found = (event.key === "Enter" || event.key === " ") && closedSpoiler(event);
  if (found) { event.preventDefault(); reveal(found); }
  if (event.key === "Escape" && $("menu").getAttribute("aria-expanded") === "true") { openMenu(false); $("menu").focus(); }
});

// ---- tabs, menu, theme
const tabs = [...$("tabs").children];
function show(name) {
  for (const tab of tabs) {
    const on = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    $(tab.dataset.tab).hidden = !on;
  }
}
for (const tab of tabs) tab.addEventListener("click", () => show(tab.dataset.tab));
$("tabs").addEventListener("keydown", event => {
  const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.length, End: tabs.length }[event.key];
  if (!step) return;
  const at = tabs.indexOf(document.activeElement);
  const to = Math.abs(step) > 1 ? (step > 0 ? tabs.length - 1 : 0) : (at + step + tabs.length) % tabs.length;
  event.preventDefault();
  show(tabs[to].dataset.tab);
  tabs[to].focus();
});
function openMenu(open) {
  $("menu").setAttribute("aria-expanded", String(open));
  $("side").classList.toggle("open", open);
}
$("menu").append(icon("menu"));
$("menu").addEventListener("click", () => openMenu($("menu").getAttribute("aria-expanded") !== "true"));
const darkest = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").setAttribute("aria-pressed", String(name === "light"));
}
theme(darkest.matches ? "dark" : "light");
darkest.addEventListener("change", () => theme(darkest.matches ? "dark" : "light"));
$("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "light" ? "dark" : "light"));
if (OUTSIDE) $("pictures").replaceWith(el("a", { id: "pictures", class: "quiet", href: "?", "aria-label": "Load no pictures from outside" }, "Pictures: on"));

// ---- what the sandbox says
const waiting = {};
function soon(name, work, ms = 150) { waiting[name] = waiting[name] || setTimeout(() => { waiting[name] = 0; work(); }, ms); }
const redraw = () => { drawMessages(); drawSide(); };
const get = async path => (await fetch("sandbox/" + path)).json();
const refreshCounts = async () => {
  const stats = await get("stats");
  Tables.counts(stats);
  if (stats.ban_seconds) soon("counts", refreshCounts, 1000);
};
const refreshFaults = async () => { Tables.faults(state.faults = await get("faults")); refreshCounts(); };
let held = null;  // what happens while all of it is loaded is done after that: it may be missing in what was loaded
async function load() {
  if (held) return void held.push(load);
  held = [];
  try {
    const [webhooks, threads, messages, requests, faults] = await Promise.all(["webhooks", "threads", "messages", "requests", "faults"].map(get));
    Object.assign(state, { webhooks, threads, requests, faults, messages: new Map(messages.map(message => [message.id, message])) });
  } finally {
    const missed = held;
    held = null;
    for (const work of missed) work();
  }
  redraw();
  $("messages").scrollTop = $("messages").scrollHeight;
  Tables.requests(state.requests);
  Tables.faults(state.faults);
  refreshCounts();
  $("live").textContent = "live";
  $("live").className = "";
}
const refreshPlaces = async () => { [state.webhooks, state.threads] = await Promise.all([get("webhooks"), get("threads")]); drawn.clear(); redraw(); };

let unheard = [];
function announce(message) {
  unheard.push(message);
  soon("news", () => {
    const last = unheard[unheard.length - 1];
    $("news").textContent = (unheard.length > 1 ? `${unheard.length} new messages, the last: ` : `New in ${names.channel(last.channel_id)}: `) + Message.summary(last);
    unheard = [];
  }, 1000);
}
const live = new EventSource("sandbox/events");
const on = (kind, work) => live.addEventListener(kind, event => {
  const data = JSON.parse(event.data);
  if (held) held.push(() => work(data));
  else work(data);
});
live.onopen = load;
live.onerror = () => { $("live").textContent = "not connected"; $("live").className = "off"; };
on("message", message => {
  state.messages.set(message.id, message);
  while (state.messages.size > KEPT) state.messages.delete(state.messages.keys().next().value);
  if (within(state.place)(message)) announce(message);
  soon("messages", redraw);
});
on("edit", message => { if (state.messages.has(message.id)) state.messages.set(message.id, message); soon("messages", redraw); });
on("delete", ({ id }) => { state.messages.delete(id); soon("messages", redraw); });
on("clear", () => { state.messages.clear(); soon("messages", redraw); soon("counts", refreshCounts); });
on("request", one => {
  state.requests.push(one);
  if (state.requests.length > LOGGED) state.requests.splice(0, LOGGED / 2);
  soon("requests", () => Tables.requests(state.requests), 300);
  soon("counts", refreshCounts, 300);
  if (one.fault) soon("faults", refreshFaults, 300);
});
on("webhooks", () => soon("places", refreshPlaces));
on("threads", () => soon("places", refreshPlaces));
on("faults", () => soon("faults", refreshFaults));
on("reload", load);
setInterval(Markdown.retime, 10000);

async function send(method, path, body) {
  const answer = await fetch("sandbox/" + path, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
  $("wrong").textContent = answer.ok ? "" : (await answer.json()).error;
}
$("script").addEventListener("submit", event => {
  event.preventDefault();
  const fault = {};
  for (const field of event.target.elements) if (field.name && field.value !== "") fault[field.name] = field.type === "number" ? Number(field.value) : field.value;
  send("POST", "faults", fault);
});
$("clear").addEventListener("click", () => send("DELETE", "faults"));
$("ban").addEventListener("click", () => send("POST", "ban", { seconds: 30 }));
$("wipe").addEventListener("click", () => send("DELETE", "messages"));
const asked = location.hash.slice(1);
if (tabs.some(tab => tab.dataset.tab === asked)) show(asked);
