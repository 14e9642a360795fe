// The gate of each webhook: what holds it, and opening, closing and resetting it.
import { by, carryOut, why } from "./dialogs.js";
import { empty, pill } from "./grid.js";
import { count, h, plain } from "./nodes.js";
import { get } from "./server.js";
import { at, span } from "./times.js";
import { BREAKERS, meaning, words } from "./words.js";

const DOINGS = {
  close: { name: "Close", text: "Nothing is posted to this webhook until somebody opens the gate. What comes waits in the outbox.", said: type => `the gate of ${type} is closed` },
  open: { name: "Open", text: "What waits is posted, as the limits allow.", said: type => `the gate of ${type} is open` },
  reset: { name: "Reset", text: "Quarantine, breaker, pauses and used up limits are forgotten, and what waits is tried at once. Do so if the webhook is known to answer again.", said: type => `the gate of ${type} is reset` },
};

function doing(what, type, { refresh }) {
  const { name, text, said } = DOINGS[what];
  return h("button", { type: "button", "aria-label": `${name} the gate of ${type}`, click: () => carryOut({ title: `${name} the gate of ${type}?`, text, button: name, danger: what === "close", fields: [by(), why()],
    path: `gates/${type}/${what}`, said: said(type), refresh }) }, name);
}

function state(each) {
  if (!each.webhook_id) return [pill("no webhook here", "warn"), h("p", { class: "dim" }, `DISCORD_WEBHOOK_${each.alert_type.toUpperCase()} is not set where this page runs.`)];
  const found = [];
  if (each.quarantined) found.push(pill("quarantined", "bad"), h("p", {}, `${meaning(each.quarantined)}. No request goes to this URL until it is reset.`));
  if (each.closed) found.push(pill("closed by hand", "warn"), h("p", {}, `by ${plain(each.closed.by || "somebody")}${each.closed.why ? `: ${plain(each.closed.why)}` : ""} `, each.closed.at ? at(each.closed.at) : null));
  for (const pause of each.pauses || []) found.push(pill("paused", "warn"), h("p", {}, `${meaning(pause.reason)} for ${span(pause.seconds)}${pause.probe_seconds === null ? "" : `, a probe goes in ${span(pause.probe_seconds)}`}`));
  if (each.breaker !== "closed") found.push(pill(BREAKERS[each.breaker] || words(each.breaker), "bad"), each.breaker_probe_seconds ? h("p", {}, `the next probe goes in ${span(each.breaker_probe_seconds)}`) : null);
  return found.length ? found : pill("open", "good");
}

// of a type with several webhooks, this one alone
const name = each => each.several && each.partition === each.alert_type ? `${each.alert_type}.0` : each.partition;

function card(each, place) {
  const row = (name, value) => value === null || value === undefined ? null : [h("dt", {}, name), h("dd", {}, value)], id = `gate-${each.partition.replace(".", "-")}`;
  return h("section", { key: each.partition, class: "card", "aria-labelledby": id },
    h("h2", { id }, each.partition), h("div", { class: "state" }, state(each)),
    h("dl", { class: "facts" }, row("Waiting", h("a", { href: `#/waiting?type=${each.alert_type}` }, count(each.waiting, "alert"))),
      each.webhook_id ? [row("Webhook", each.name ? plain(each.name) : each.webhook_id), row("In the last minute", count(each.requests_last_minute, "request")), row("Left now", each.requests_left === undefined ? null : String(each.requests_left))] : null),
    place.readOnly || !each.webhook_id ? null : h("div", { class: "line" }, doing(each.closed ? "open" : "close", name(each), place), doing("reset", name(each), place)));
}

export const gates = {
  title: "Gates",
  load: () => get("gates"),
  draw: (found, place) => [h("h1", {}, "Gates"), h("p", { class: "dim" }, "A gate decides when a request may go to its webhook. A gate that is held loses nothing: alerts wait behind it."),
    found.banned_seconds === null ? null : h("div", { class: "empty bad" }, h("p", {}, `This address is banned at Discord's edge; the next probe may go in ${span(found.banned_seconds)}.`), place.readOnly ? null : doing("reset", "edge", place)),
    found.gates.length ? h("div", { class: "cards" }, found.gates.map(each => card(each, place))) : empty("No webhook is configured where this page runs.")],
};
