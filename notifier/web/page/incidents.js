// Incidents: alerts with the same key; acknowledged and resolved here.
import { by, carryOut, why } from "./dialogs.js";
import { choice, empty, grid, pill } from "./grid.js";
import { given, h, plain } from "./nodes.js";
import { get, parameters } from "./server.js";
import { ago, at } from "./times.js";
import { TYPES } from "./words.js";

const path = (each, what) => `incidents/${each.alert_type}/${encodeURIComponent(each.key)}/${what}`;

function doings(each, { refresh }) {
  if (each.state !== "open") return null;
  const button = (name, question) => h("button", { type: "button", class: "plain", "aria-label": `${name} ${plain(each.title)}`, click: () => carryOut({ ...question, button: name, refresh }) }, name);
  return [
    each.acknowledged_at ? null : button("Acknowledge", { title: "Acknowledge this incident?", text: given(each.title), fields: [by(), why(false)], path: path(each, "ack"), said: "acknowledged: its message in Discord says so" }),
    button("Resolve", { title: "Resolve this incident?", text: given(each.title), fields: [by(), why(false)], path: path(each, "resolve"), said: "resolved: its message in Discord says so" }),
  ];
}

const columns = place => [
  { name: "Incident", class: "what", cell: each => [given(each.title), h("div", { class: "dim" }, given(each.key))] },
  { name: "Message", cell: each => each.link ? h("a", { href: each.link, target: "_blank", rel: "noreferrer noopener", "aria-label": `Message of ${plain(each.title)}` }, "in\u00a0Discord") : h("span", { class: "dim" }, each.waits ? "to come" : "–") },
  { name: "Type", cell: each => each.alert_type },
  { name: "State", cell: each => [pill(each.state, each.state === "open" ? "bad" : each.state === "resolved" ? "good" : ""), each.escalated_at ? pill("escalated", "bad") : null, each.flaps ? pill(`came again ${each.flaps} ×`, "warn") : null] },
  { name: "Times", class: "num", cell: each => each.count.toLocaleString() },
  { name: "Last heard of", cell: each => [ago(each.last_at), h("div", { class: "dim" }, "first at ", at(each.opened_at))] },
  { name: "Acknowledged", nothing: each => !each.acknowledged_at, cell: each => each.acknowledged_at ? [given(each.acknowledged_by), each.acknowledged_why ? [": ", given(each.acknowledged_why)] : null, " ", h("span", { class: "dim" }, at(each.acknowledged_at))] : h("span", { class: "dim" }, "–") },
  ...(place.readOnly ? [] : [{ name: "", label: "Actions", class: "doings", cell: each => doings(each, place) }]),
];

export const incidents = {
  title: "Incidents",
  load: ({ values }) => get("incidents", values),
  draw: (found, place) => {
    const { values } = place.route;
    return [h("h1", {}, "Incidents"),
      h("form", { class: "filters", change: event => { const query = parameters(Object.fromEntries(new FormData(event.currentTarget))); location.hash = `#/incidents${query ? `?${query}` : ""}`; } },
        choice("type", "Type", TYPES, values.type), choice("open", "State", [["1", "only open ones"]], values.open, "all")),
      found.length ? grid("Incidents, the last heard of first", columns(place), found, { key: each => `${each.alert_type} ${each.key}`, tone: each => each.state === "open" && !each.acknowledged_at ? "warning" : null })
        : values.type || values.open ? empty("No incident fits.", h("a", { href: "#/incidents" }, "Show all")) : empty("No incident is known.", "Alerts with the same ", h("code", {}, "dedup_key"), " are one incident, with one message that is kept up to date.")];
  },
};
