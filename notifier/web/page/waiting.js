// What waits: each with what for, and until when.
import { choice, empty, grid } from "./grid.js";
import { count, given, h, plain } from "./nodes.js";
import { get } from "./server.js";
import { ago, at, until } from "./times.js";
import { TYPES, meaning } from "./words.js";

const COLUMNS = [
  { name: "Alert", class: "what", cell: each => h("a", { href: `#/alert/${encodeURIComponent(each.id)}` }, given(each.title)) },
  { name: "Since", cell: each => [at(each.admitted_at), h("span", { class: "dim" }, " ", ago(each.admitted_at))] },
  { name: "Waits for", class: "why", cell: each => plain(meaning(each.why)) },
  { name: "Until", cell: each => each.until ? [at(each.until), h("span", { class: "dim" }, " ", until(each.until))] : h("span", { class: "dim" }, "as soon as that ends") },
];

export const waiting = {
  title: "Waiting",
  load: ({ values }) => get("waiting", { type: values.type }),
  draw(found, { route }) {
    const busy = found.filter(each => each.count);
    return [h("h1", {}, "Waiting"),
      h("form", { class: "filters", change: event => { const type = event.target.value; location.hash = `#/waiting${type ? `?type=${type}` : ""}`; } }, choice("type", "Type", TYPES, route.values.type)),
      busy.length ? busy.map(each => h("section", { key: each.alert_type, "aria-labelledby": `w-${each.alert_type}` },
        h("h2", { id: `w-${each.alert_type}` }, `${each.alert_type}: ${count(each.count, "alert")}`),
        grid(`Waiting: ${each.alert_type}`, COLUMNS, each.shown, { key: one => one.id }),
        each.count > each.shown.length ? h("p", { class: "dim" }, `The first ${each.shown.length} of ${each.count.toLocaleString()} are shown.`) : null))
        : empty("Nothing waits.", "What was delivered is in the ", h("a", { href: "#/history" }, "history"), ".")];
  },
};
