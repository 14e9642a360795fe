// Silences: alerts that are not posted for a while.
import { by, carryOut, why } from "./dialogs.js";
import { empty, grid, pill } from "./grid.js";
import { count, given, h, plain } from "./nodes.js";
import { get } from "./server.js";
import { at, until } from "./times.js";
import { TYPES } from "./words.js";

const LENGTHS = [["15m", "15 minutes"], ["1h", "1 hour"], ["2h", "2 hours"], ["8h", "8 hours"], ["1d", "1 day"], ["7d", "7 days"]];
const matching = each => Object.entries(each.match).map(([part, glob]) => `${part.replace(/^fields\./, "field ")} = ${glob}`);
const titles = each => Object.entries(each.titles || {}).sort(([, one], [, other]) => other - one).slice(0, 3);

function body({ type, title, source, dedup_key: key, for: length, by: who, why: reason, forced }) {
  return { ...(type ? { type } : {}), match: Object.fromEntries(Object.entries({ title, source, dedup_key: key }).filter(([, glob]) => glob)), for: length, by: who, why: reason, force: forced === "on" };
}

const add = ({ refresh }) => carryOut({
  title: "Begin a silence", text: "What matches all that is filled in is kept in the history, and not posted. * is any text, ? one character.", button: "Begin it",
  fields: [{ name: "type", label: "Type", options: [["", "any but critical and security"], ...TYPES.map(each => [each, each])] }, { name: "title", label: "Title", placeholder: "disk*" }, { name: "source", label: "Source", placeholder: "db1" },
    { name: "dedup_key", label: "Key of the incident" }, { name: "for", label: "For how long", options: LENGTHS }, by(), why(), { name: "forced", label: "critical and security alerts too", type: "checkbox" }],
  path: "silences", body, said: "the silence has begun", refresh,
});

const columns = place => [
  { name: "Matches", class: "what", cell: each => matching(each).length ? matching(each).map(each => h("div", {}, given(each))) : "everything of its type" },
  { name: "Type", cell: each => each.alert_type || "any" },
  { name: "Ends", cell: each => [at(each.until), h("span", { class: "dim" }, " ", until(each.until))] },
  { name: "Kept away", cell: each => each.count ? [count(each.count, "alert"), titles(each).map(([title, number]) => h("div", { class: "dim" }, `${number} × `, given(title)))] : h("span", { class: "dim" }, "none so far") },
  { name: "Who and why", cell: each => [given(each.by || "–"), each.why ? h("div", { class: "dim" }, given(each.why)) : null, each.forced ? pill("forced", "warn") : null] },
  ...(place.readOnly ? [] : [{ name: "", label: "Actions", class: "doings", cell: each => h("button", { type: "button", class: "plain", "aria-label": `End the silence ${plain(matching(each).join(", ") || each.alert_type)}`,
    click: () => carryOut({ title: "End this silence now?", text: given(matching(each).join(", ") || each.alert_type), button: "End it", method: "DELETE", path: `silences/${encodeURIComponent(each.id)}`, fields: [by(), why(false)], said: "the silence has ended; an alert tells what it has kept away", refresh: place.refresh }) }, "End") }]),
];

export const silences = {
  title: "Silences",
  load: () => get("silences"),
  draw: (found, place) => [h("div", { class: "line" }, h("h1", {}, "Silences"), place.readOnly ? null : h("button", { type: "button", class: "main", click: () => add(place) }, "Begin a silence")),
    found.length ? grid("Silences, the first to end first", columns(place), found, { key: each => each.id })
      : empty("There is no silence: every alert is posted.", "Begin one before planned work, so that nobody is called for it.")],
};
