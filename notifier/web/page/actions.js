// The log of actions: who did what on this page or by a command, and why.
import { empty, grid } from "./grid.js";
import { given, h, plain } from "./nodes.js";
import { get } from "./server.js";
import { ago, at } from "./times.js";
import { words } from "./words.js";

const DONE = {
  "gate.close": "closed a gate", "gate.open": "opened a gate", "gate.reset": "reset a gate", "dead.replay": "replayed dead letters", "dead.drop": "dropped dead letters", "incident.ack": "acknowledged an incident",
  "incident.resolve": "resolved an incident", "silence.add": "began a silence", "silence.end": "ended a silence", "alert.withdraw": "withdrew an alert", "job.forget": "forgot a job",
};
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;
const target = each => ID.test(each.target) && !/\s/.test(each.target) ? h("a", { href: `#/alert/${encodeURIComponent(each.target)}` }, given(each.target)) : given(each.target);
const cameTo = each => Object.entries(each.more || {}).map(([name, value]) => `${words(name)}: ${plain(value)}`).join(", ");
const COLUMNS = [
  { name: "When", cell: each => [at(each.at), h("span", { class: "dim" }, " ", ago(each.at))] },
  { name: "Who", cell: each => given(each.by) },
  { name: "What", class: "what", cell: each => DONE[each.action] || plain(words(each.action)) },
  { name: "Of what", class: "why", cell: each => [target(each), h("div", { class: "dim" }, cameTo(each))] },
  { name: "Why", class: "why", nothing: each => !each.why, cell: each => each.why ? given(each.why) : h("span", { class: "dim" }, "–") },
];

export const actions = {
  title: "Log of actions",
  load: () => get("audit"),
  draw: found => [h("h1", {}, "Log of actions"), found.length ? grid("Actions, the newest first", COLUMNS, found, { key: each => `${each.at} ${each.action} ${each.target}` })
    : empty("Nobody has done anything yet.", "Who opens or closes a gate, replays or drops dead letters, is listed here with the reason.")],
};
