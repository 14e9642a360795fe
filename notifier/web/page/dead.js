// Dead letters: found, chosen, replayed or dropped.
import { by, carryOut, why } from "./dialogs.js";
import { choice, empty, grid } from "./grid.js";
import { count, given, h, plain } from "./nodes.js";
import { get, parameters } from "./server.js";
import { ago, at } from "./times.js";
import { REASONS, TYPES, words } from "./words.js";

const AGES = [["1h", "last hour"], ["1d", "last day"], ["7d", "last 7 days"]];
const PARTS = ["type", "reason", "since", "until"];

// which: ids, or a filter; number: how many that are
const body = (which, number, values) => ({ ...which, ...(which.filter ? { expected: number } : {}), ...values });
const letters = (number, text = "dead letter") => count(number, text);
const sum = answer => Object.keys(answer.failed || {}).length;
const came = (word, done) => answer => sum(answer) || answer.left ? `${letters(done(answer).length)} ${word}, ${sum(answer) + (answer.left || 0)} not: ${plain(Object.values(answer.failed || {})[0] || "")}` : `${letters(done(answer).length)} ${word}`;
export const QUESTIONS = {
  replay: (which, number) => ({ title: `Replay ${letters(number)}?`, text: "They are sent again as new alerts, the oldest first.", button: `Replay ${number.toLocaleString()}`,
    fields: [by(), why(false)], path: "dead/replay", body: values => body(which, number, values), said: came("queued again", answer => answer.replayed || []) }),
  drop: (which, number) => ({ title: `Drop ${letters(number)}?`, text: "They can no longer be replayed. Their records stay in the history.", button: `Drop ${number.toLocaleString()}`, danger: true,
    fields: [by(), why(false)], path: "dead/drop", body: values => body(which, number, values), said: came("dropped", answer => answer.dropped || []) }),
};

const chosen = new Set();

function columns(records, { readOnly, refresh }) {
  const all = records.length > 0 && records.every(each => chosen.has(each.id));
  const tick = (checked, label, change, some) => h("input", { type: "checkbox", checked, indeterminate: some, "aria-label": label, change });
  const own = each => event => { if (event.target.checked) chosen.add(each.id); else chosen.delete(each.id); refresh(); };
  return [
    readOnly ? null : { name: tick(all, "Choose all that are shown", event => { for (const each of records) if (event.target.checked) chosen.add(each.id); else chosen.delete(each.id); refresh(); }, !all && chosen.size > 0), class: "tickbox",
      cell: each => tick(chosen.has(each.id), `Choose ${plain((each.message || {}).title)}`, own(each)) },
    { name: "Alert", class: "what", cell: each => h("a", { href: `#/alert/${encodeURIComponent(each.id)}` }, given((each.message || {}).title || each.id)) },
    { name: "Dead since", cell: each => [at(each.finished_at), h("span", { class: "dim" }, " ", ago(each.finished_at))] },
    { name: "Type", cell: each => each.alert_type },
    { name: "Why", class: "why", cell: each => [plain(words(each.reason)), each.detail ? h("span", { class: "dim" }, `: ${plain(each.detail).slice(0, 160)}`) : null] },
    { name: "Tries", class: "num", cell: each => String(each.attempts) },
    readOnly ? null : { name: "", label: "Actions", class: "doings", cell: each => ["replay", "drop"].map(what => h("button", { type: "button", class: "plain", "aria-label": `${what} ${plain((each.message || {}).title)}`,
      click: () => carryOut({ ...QUESTIONS[what]({ ids: [each.id] }, 1), refresh }) }, what === "replay" ? "Replay" : "Drop")) },
  ].filter(Boolean);
}

function bar({ count: matching, records }, filter, { refresh }) {
  for (const id of chosen) if (!records.some(each => each.id === id)) chosen.delete(id);
  const ids = [...chosen], of = (what, number, which, label, look) => h("button", { type: "button", class: look, disabled: number === 0, click: () => carryOut({ ...QUESTIONS[what](which, number), refresh: async () => { chosen.clear(); await refresh(); } }) }, label);
  const all = Object.keys(filter).length ? `all ${matching.toLocaleString()} that match` : `all ${matching.toLocaleString()}`;
  return h("div", { class: "line bar", role: "group", "aria-label": "Actions" }, h("span", { class: "dim" }, `${letters(matching)}, ${ids.length} chosen`),
    of("replay", ids.length, { ids }, "Replay chosen", "main"), of("drop", ids.length, { ids }, "Drop chosen", ""),
    of("replay", matching, { filter }, `Replay ${all}`, ""), of("drop", matching, { filter }, `Drop ${all}`, ""));
}

export const dead = {
  title: "Dead letters",
  load: ({ values }) => get("dead", { ...values, limit: 100 }),
  draw(found, place) {
    const { values } = place.route, filter = Object.fromEntries(PARTS.filter(name => values[name]).map(name => [name, values[name]]));
    const reasons = values.reason && !REASONS.includes(values.reason) ? [...REASONS, values.reason] : REASONS;
    return [h("h1", {}, "Dead letters"), h("p", { class: "dim" }, "Alerts that could not be delivered. They are kept until somebody replays or drops them."),
      h("form", { class: "filters", change: event => { const query = parameters(Object.fromEntries(new FormData(event.currentTarget))); location.hash = `#/dead${query ? `?${query}` : ""}`; }, submit: event => event.preventDefault() },
        choice("type", "Type", TYPES, values.type), choice("reason", "Why", reasons, values.reason), choice("since", "When", AGES, values.since, "any time")),
      found.records.length ? [place.readOnly ? null : bar(found, filter, place), grid("Dead letters, the newest first", columns(found.records, place), found.records, { key: each => each.id, tone: each => chosen.has(each.id) ? "chosen" : null }),
        found.count > found.records.length ? h("p", { class: "dim" }, `The newest ${found.records.length} of ${found.count.toLocaleString()} are shown.`) : null]
        : Object.keys(filter).length ? empty("No dead letter fits.", h("a", { href: "#/dead" }, "Show all")) : empty("No dead letters: everything that ended was delivered.")];
  },
};
